"""The settings of a run."""

from prefect import get_client
from prefect.runtime import deployment

from evalboard import settings as core
from evalboard.errors import ConfigError
from evalboard.process_environment import relative_folders
from evalboard.settings import Settings
from evalboard.suites.agreement import board_settings, differences

BOARD_VARIABLE = "evalboard_settings"
"""Variable of Prefect with the settings that all machines of a board share."""


def load_settings() -> Settings:
    """Read the settings from the environment of this process.

    Raises:
        ConfigError: A variable has a value that its setting does not allow; or a folder is relative
            in a run of a worker, which has a temporary working directory.
    """
    settings = core.load_settings()
    if (relative := relative_folders(settings)) and deployment.id:  # the server is asked for it
        raise ConfigError(
            f"{', '.join(relative)} must be absolute where a worker is started, because each run "
            "has a temporary working directory. Set EVALBOARD_HOME to an absolute path."
        )
    return settings


def require_board_settings(settings: Settings) -> None:
    """Make sure that a worker evaluates as the board does. `evalboard deploy` noted its settings.

    Raises:
        ConfigError: A setting differs.
    """
    with get_client(sync_client=True) as client:
        noted = client.read_variable_by_name(BOARD_VARIABLE)
    board = noted.value if noted and isinstance(noted.value, dict) else {}
    found = differences(board_settings(settings), {k: str(v) for k, v in board.items()})
    if board and found:
        raise ConfigError(
            f"This machine would evaluate otherwise than the board: {' '.join(found)} Correct the "
            "variables of this machine, or run `evalboard deploy` where the right ones are set."
        )
