"""The content of the board store, read again only after changes."""

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa

from evalboard.errors import EvalboardError, FileTooLarge, RecordError, StoreError
from evalboard.records.board_files import (
    ANSWERS_FILE,
    META_FILE,
    QUEUE_FILE,
    TABLE_FILE,
    BoardMeta,
    QueueEntry,
)
from evalboard.stores.board import published_board, published_queue
from evalboard.stores.protocol import Snapshot, Store
from evalboard.suites.boards import SuiteBoard
from leaderboard_app.board_document import board_parts, first_parts
from leaderboard_app.board_rows import checked_table, rank_rows
from leaderboard_app.rank_data import RankSource, rank_source
from leaderboard_app.recent_snapshots import has_file
from leaderboard_app.responses import PreparedResponse, prepare_json, prepare_parts

logger = logging.getLogger(__name__)

# Arrow's own keeps what a table took, six times its size, where the system's gives it back.
pa.set_memory_pool(pa.system_memory_pool())

T = TypeVar("T")


class BoardUnreadable(StoreError):
    """Raised while the board store has never been readable. The log has the reason."""


class RankedBoard(NamedTuple):
    """The published board with its rows in the order of their ranks."""

    meta: BoardMeta | None
    """None until the first build."""
    table: pa.Table
    """Ranked rows, without columns until the first build."""
    document: PreparedResponse
    """The data for open pages."""
    first: PreparedResponse
    """The same with the first rows alone."""
    ranks: RankSource | None = None
    """What rows are compared from; None on boards of earlier versions."""


class Queue(NamedTuple):
    """The published queue."""

    entries: tuple[QueueEntry, ...]
    document: PreparedResponse


class Follower(Generic[T]):
    """Data from files of a store, at most `max_age_seconds` old.

    Thread-safe. Whatever the number of readers, the store is checked once per `max_age_seconds`,
    and read only if a file has changed. Only the reader that checks waits for the data; the others
    get the previous state. Files that cannot be read are reported once, and not read again until
    they change.
    """

    def __init__(
        self,
        store: Store,
        files: tuple[str, ...],
        read: Callable[[Snapshot], T],
        *,
        max_age_seconds: float,
    ) -> None:
        self._store = store
        self._files = files
        self._read = read
        self._max_age_seconds = max_age_seconds
        self._lock = Lock()
        self._next_look = 0.0
        self._seen: tuple[str | None, ...] | None = None
        self._value: T | None = None
        self._problem: EvalboardError | None = None
        """Why there is no newer state."""
        self._has_replaced = False
        """Whether the last look replaced the state, which its reader still held then."""

    def current(self) -> T:
        """Return the store's data, or its last state while it cannot be read.

        Raises:
            BoardUnreadable: The store cannot be read, and there is no earlier state.
        """
        last = self._value
        if last is not None and time.monotonic() < self._next_look:
            return last
        if not self._lock.acquire(blocking=last is None):
            assert last is not None
            return last
        try:
            if time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + self._max_age_seconds
                self._look()
            if self._value is None:
                raise BoardUnreadable(str(self._problem))
            return self._value
        finally:
            self._lock.release()

    def _look(self) -> None:
        try:
            snapshot = self._store.snapshot()
            blobs = tuple(snapshot.files.get(path) for path in self._files)
        except Exception as exc:  # noqa: BLE001 - any: the last state is better than none
            self._note(exc)
            return
        if blobs == self._seen:
            if self._has_replaced:
                # What reading took, and the state before, go back to the system; the server keeps them otherwise.
                pa.default_memory_pool().release_unused()
                self._has_replaced = False
            return
        try:
            self._value = self._read(snapshot)
            self._has_replaced = True
            self._seen = blobs
        except Exception as exc:  # noqa: BLE001 - whatever a broken file ends in
            self._note(exc)
            if not isinstance(exc, StoreError) or isinstance(exc, FileTooLarge):
                # The files stay as they are until somebody writes them again.
                self._seen = blobs

    def _note(self, exc: Exception) -> None:
        """Keep why there is no new state. Whatever a file contains, the pages show the last one."""
        names = " and ".join(self._files)
        if not isinstance(exc, EvalboardError):
            exc = RecordError(
                f"{names} in the board store cannot be used ({type(exc).__name__}: {exc}). Rebuild "
                "the board with `evalboard board build`."
            )
        self._problem = exc
        logger.warning("The board store cannot be read; the pages show its last state: %s", exc)


def follow_board(
    store: Store, folder: str = "", *, max_age_seconds: float
) -> Follower[RankedBoard]:
    """Return a board of a store.

    Args:
        store: The board store.
        folder: Folder of the board with a slash at its end, empty for the first board.
        max_age_seconds: Maximum age of the board.
    """
    files = (folder + META_FILE, folder + TABLE_FILE)

    def read(snapshot: Snapshot) -> RankedBoard:
        return read_ranked_board(snapshot, folder)

    return Follower(store, files, read, max_age_seconds=max_age_seconds)


def follow_queue(
    store: Store, boards: Sequence[SuiteBoard], *, max_age_seconds: float
) -> Follower[Queue]:
    """Return the queue of a store, which all its boards share.

    Args:
        store: The board store.
        boards: The boards, of which the queue says the titles.
        max_age_seconds: Maximum age of the queue.
    """

    def read(snapshot: Snapshot) -> Queue:
        return read_titled_queue(snapshot, boards)

    return Follower(store, (QUEUE_FILE,), read, max_age_seconds=max_age_seconds)


def read_ranked_board(snapshot: Snapshot, folder: str = "") -> RankedBoard:
    """Read and rank the board of a folder. It is empty until the first build.

    Raises:
        RecordError: A file is not of the kind that its name promises.
        StoreError: A file cannot be read.
    """
    published = published_board(snapshot, folder)
    if published is None:
        table = pa.table({})
        nothing = prepare_parts(board_parts(None, table))
        return RankedBoard(None, table, nothing, nothing)
    table = rank_rows(checked_table(published.table, published.meta))
    document = prepare_parts(board_parts(published.meta, table))
    first = prepare_parts(first_parts(published.meta, table))
    ranks = _rank_source(snapshot, folder, published.meta, table)
    return RankedBoard(published.meta, table, document, first, ranks)


def _rank_source(
    snapshot: Snapshot, folder: str, meta: BoardMeta, table: pa.Table
) -> RankSource | None:
    path = folder + ANSWERS_FILE
    if not meta.answers_hash or not has_file(snapshot, path):
        return None
    return rank_source(snapshot.read(path), meta.answers_hash, table)


def read_titled_queue(snapshot: Snapshot, boards: Sequence[SuiteBoard]) -> Queue:
    """Read the queue. It is empty if the file is missing.

    Its document has the display names of all benchmarks by key, and by suite the title and folder of
    its board.

    Raises:
        RecordError: The file is not a queue.
        StoreError: The file cannot be read.
    """
    return titled_queue(published_queue(snapshot), boards)


def titled_queue(entries: tuple[QueueEntry, ...], boards: Sequence[SuiteBoard]) -> Queue:
    """Return a queue with its answer for readers, which names benchmarks and boards."""
    document = {
        "titles": {b.key: b.title for board in boards for b in board.suite.benchmarks},
        "boards": {
            board.suite.name: {"title": board.suite.title, "folder": board.folder}
            for board in boards
        },
        "entries": [entry.model_dump(mode="json") for entry in entries],
    }
    return Queue(entries, prepare_json(document))
