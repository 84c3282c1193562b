"""The boards of an installation: a suite is a board."""

from typing import NamedTuple

from evalboard.errors import ConfigError
from evalboard.records.board_files import BOARDS
from evalboard.settings import Settings
from evalboard.suites.loader import board_suites
from evalboard.suites.model import Suite


class SuiteBoard(NamedTuple):
    """The board of one suite."""

    suite: Suite
    folder: str
    """Where its files are in the board store and its pages in the viewer, as `boards/name/`. Empty
    for the first board.
    """


def boards_of(settings: Settings) -> tuple[SuiteBoard, ...]:
    """Return all boards, that of EVALBOARD_SUITE first.

    Raises:
        ConfigError: The file of a suite that the settings name is invalid, or two have one name.
    """
    first, *further = board_suites(settings)
    return (
        SuiteBoard(first, ""),
        *(SuiteBoard(suite, f"{BOARDS}/{suite.name}/") for suite in further),
    )


def find_board(name: str, settings: Settings) -> SuiteBoard:
    """Return the board of a suite, the first one if the name is empty.

    Raises:
        ConfigError: The suite has no board; or as `boards_of` does.
    """
    boards = boards_of(settings)
    found = next((board for board in boards if name in ("", board.suite.name)), None)
    if found is None:
        names = ", ".join(board.suite.name for board in boards)
        raise ConfigError(
            f"There is no board of suite {name!r}. Use one of {names}, or add the suite to "
            "EVALBOARD_SUITES."
        )
    return found
