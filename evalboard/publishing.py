"""Write the board store from the requests and results stores.

The Hub allows few commits. The table and the queue of a hosted store are therefore written at most
once a minute, however many runs of this machine ask for it.
"""

import fcntl
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from evalboard.answer_memory import AnswerMemory
from evalboard.board.notices import noticed
from evalboard.board.queue import queue_file
from evalboard.board.rows import Attempt, merge_attempts
from evalboard.board.table import board_files, build_board
from evalboard.collecting import without_collector
from evalboard.document_memory import DocumentMemory
from evalboard.errors import StoreError
from evalboard.queueing.overview import overview
from evalboard.records.board_files import QUEUE_FILE
from evalboard.settings import Settings
from evalboard.stores.addresses import (
    is_hosted,
    open_archive,
    open_board,
)
from evalboard.stores.board import (
    Tables,
    are_other_tables,
    is_other_file,
    publish_file,
    publish_tables,
)
from evalboard.stores.protocol import retry_on_conflict
from evalboard.stores.results import ResultsSnapshot
from evalboard.stores.work import WorkFolder
from evalboard.suites.boards import boards_of
from evalboard.suites.loader import find_suite
from evalboard.suites.model import Suite
from evalboard.suites.reported import published_rows

logger = logging.getLogger(__name__)

HOSTED_SECONDS = 60.0
"""Time between two commits of the same file to a hosted store."""
PROGRESS_SECONDS = 5.0
"""Between two versions of the queue that tell nothing but progress."""


class Pace:
    """The pace of one kind of work, shared by all processes that use a folder.

    Args:
        folder: Folder that all processes with this work share.
        name: Of the work.
        seconds: Minimum time between two runs of the work.
    """

    def __init__(self, folder: Path, name: str, seconds: float) -> None:
        self._stamp = folder / f"{name}.last"
        self._lock = folder / f"{name}.waiting"
        self._seconds = seconds

    def when_due(self, work: Callable[[], bool]) -> bool:
        """Do the work if its time has come, and return its result; otherwise return False."""
        if self._seconds_left() > 0:
            return False
        self._note()
        return work()

    def in_turn(self, work: Callable[[], bool], *, is_needed: Callable[[], bool]) -> bool:
        """Wait for the time of the work, and do it.

        Args:
            work: The work.
            is_needed: Returns whether the work has something to do, which is not waited for in vain.

        Returns:
            The result of the work. False at once if it is not needed, or if another process already
            waits: its work starts after this call and therefore covers it.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            if self._seconds_left() and not is_needed():
                return False
            time.sleep(self._seconds_left())
            self._note()
        return work()

    def _seconds_left(self) -> float:
        try:
            age = time.time() - self._stamp.stat().st_mtime
        except FileNotFoundError:
            return 0.0
        # A clock that was set back must not stop the work for as long.
        return min(self._seconds, max(0.0, self._seconds - age))

    def _note(self) -> None:
        self._stamp.parent.mkdir(parents=True, exist_ok=True)
        self._stamp.touch()


def publish_board(settings: Settings, *, now: datetime) -> bool:
    """Build the table of every board from all results. Write those that changed.

    On a hosted store this waits for its turn, or leaves the work to a process that already waits. It
    does not wait if the boards are already as they would be written.

    Returns:
        Whether any was written.
    """
    boards = boards_of(settings)
    archive, work = open_archive(settings), WorkFolder(settings.work_folder)
    compared = _compared_suites([board.suite for board in boards], settings)
    suites = {suite.name: suite for suite in compared.values()}
    suites |= {board.suite.name: board.suite for board in boards}
    documents = DocumentMemory(work, list(suites.values()))
    built: dict[str, Tables] = {}

    def build_once() -> Tables:
        results = archive.snapshot()
        if results.revision not in built:
            attempts = documents.attempts(results)
            built[results.revision] = {
                board.folder: _build(
                    board.suite,
                    attempts,
                    compared.get(board.suite.name),
                    results,
                    AnswerMemory(archive, results, work, board.suite.name),
                    now,
                )
                for board in boards
            }
        return built[results.revision]

    def build() -> Tables:
        return retry_on_conflict(build_once)

    store = open_board(settings)

    def publish() -> bool:
        with without_collector():
            return publish_tables(store, build)

    if not is_hosted(settings.store_address("board")):
        return publish()

    def is_needed() -> bool:
        with without_collector():
            return are_other_tables(store, build)

    pace = _pace(settings, "board", HOSTED_SECONDS)
    return pace.in_turn(publish, is_needed=is_needed)


def _compared_suites(suites: Iterable[Suite], settings: Settings) -> dict[str, Suite]:
    """Return what each suite is compared with, by its name; without those that do not exist."""
    found = {
        suite.name: find_suite(suite.compared_with, settings)
        for suite in suites
        if suite.compared_with
    }
    return {name: other for name, other in found.items() if other}


def _build(
    suite: Suite,
    attempts: Mapping[str, Sequence[Attempt]],
    compared: Suite | None,
    results: ResultsSnapshot,
    memory: AnswerMemory,
    now: datetime,
) -> dict[str, bytes]:
    """Return the files of a suite's board."""
    notices = results.notices()
    table = build_board(
        attempts[suite.name],
        suite,
        revision=results.revision,
        now=now,
        compared=merge_attempts(noticed(attempts[compared.name], notices), compared)
        if compared
        else (),
        find_answers=memory.find_answers,
        earlier=memory.earlier,
        reported=[*published_rows(suite), *results.reported(suite.name)],
        notices=notices,
        verdicts=results.verdicts(),
        hub_states=results.hub_states(),
    )
    memory.keep(table.standings)
    return board_files(table)


def publish_queue(settings: Settings, *, wait: bool = False) -> bool:
    """Write `queue.json` from all requests if it changed, and return whether it did.

    Args:
        settings: Where the stores are.
        wait: On a hosted store, wait for the next turn. Without it, an early call does nothing,
            because the next call publishes its changes too.
    """

    def build() -> bytes:
        now = datetime.now(UTC)
        return queue_file(overview(settings, now=now, run_url=partial(run_page, settings)))

    board = open_board(settings)

    def publish() -> bool:
        return publish_file(board, QUEUE_FILE, build)

    if not is_hosted(settings.store_address("board")):
        return publish()
    pace = _pace(settings, "queue", HOSTED_SECONDS)
    if not wait:
        return pace.when_due(publish)
    return pace.in_turn(publish, is_needed=lambda: is_other_file(board, QUEUE_FILE, build))


def announce_queue(settings: Settings) -> bool:
    """Write `queue.json` where the board store can be had; nothing fails because it cannot.

    The next call publishes these changes too. A machine that does not share the work folder of a
    hosted board, such as that of its viewer, does not know how far the runs are: it leaves the
    queue to the next poll.

    Returns:
        Whether it was written.
    """
    work = WorkFolder(settings.work_folder)
    if is_hosted(settings.store_address("board")) and not work.has_progress:
        return False
    try:
        return publish_queue(settings)
    except StoreError as exc:
        logger.warning("The published queue is out of date: %s", exc)
        return False


def announce_progress(settings: Settings) -> bool:
    """Do as `announce_queue` does, where it was not done for progress within the last seconds."""
    pace = _pace(settings, "progress", PROGRESS_SECONDS)
    return pace.when_due(lambda: announce_queue(settings))


def run_page(settings: Settings, run_id: str) -> str:
    """Return the page of a flow run in the Prefect UI, empty without a server."""
    if not settings.prefect_api_url:
        return ""
    pages = settings.prefect_ui_url or settings.prefect_api_url.removesuffix("/api")
    return f"{pages}/runs/flow-run/{run_id}"


def _pace(settings: Settings, name: str, seconds: float) -> Pace:
    return Pace(settings.work_folder / "pace", name, seconds)
