"""Follow the board store: what it holds now, read again only when it changed."""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from evalboard.errors import EvalboardError, RecordError, first_problem
from evalboard.records.table import META_FILE, QUEUE_FILE, TABLE_FILE, BoardMeta, QueueEntry
from evalboard.stores.protocol import Snapshot, Store
from leaderboard_app.answers import Answer, json_answer, parts_answer
from leaderboard_app.table import board_parts, check_table, rank_rows

logger = logging.getLogger(__name__)

# Arrow's own keeps what a table took, six times its size, where the system's gives it back.
pa.set_memory_pool(pa.system_memory_pool())

T = TypeVar("T")


class Board(NamedTuple):
    """The published board."""

    meta: BoardMeta | None
    """None while no board was built."""
    table: pa.Table
    """Ranked rows; no columns while no board was built."""
    answer: Answer
    """What open pages get."""


class Queue(NamedTuple):
    """The published queue."""

    entries: tuple[QueueEntry, ...]
    answer: Answer


class Follower(Generic[T]):
    """Something read from files of a store, current to within `max_age_seconds`.

    Thread-safe. However many readers ask, the store is looked at once per `max_age_seconds`, and
    read only when one of the files has a new content. Only who looks waits for what is read: the
    others get what was there before.
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

    def current(self) -> T:
        """Return what the store holds; the last good state while it cannot be read.

        Raises:
            EvalboardError: It cannot be read and never could.
        """
        last = self._value
        if last is not None and time.monotonic() < self._next_look:
            return last
        if not self._lock.acquire(blocking=last is None):
            assert last is not None
            return last
        try:
            if self._value is None or time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + self._max_age_seconds
                self._value = self._look(self._value)
            return self._value
        finally:
            self._lock.release()

    def _look(self, last: T | None) -> T:
        try:
            snapshot = self._store.snapshot()
            blobs = tuple(snapshot.files.get(path) for path in self._files)
            if last is None or blobs != self._seen:
                last = self._read(snapshot)
                self._seen = blobs
            return last
        except EvalboardError as exc:
            if last is None:
                raise
            logger.warning("Still showing the last good state: %s", exc)
            return last


def follow_board(store: Store, *, max_age_seconds: float) -> Follower[Board]:
    """Return the board of a store."""
    files = (META_FILE, TABLE_FILE)
    return Follower(store, files, read_board, max_age_seconds=max_age_seconds)


def follow_queue(
    store: Store, titles: dict[str, str], *, max_age_seconds: float
) -> Follower[Queue]:
    """Return the queue of a store.

    Args:
        store: The board store.
        titles: Name that people see, per benchmark key.
        max_age_seconds: How old the queue may be.
    """

    def read(snapshot: Snapshot) -> Queue:
        return read_queue(snapshot, titles)

    return Follower(store, (QUEUE_FILE,), read, max_age_seconds=max_age_seconds)


def read_board(snapshot: Snapshot) -> Board:
    """Read description and table; an empty board when one of them is missing.

    Raises:
        RecordError: A file is not what its name promises.
        StoreError: A file cannot be read.
    """
    if not {META_FILE, TABLE_FILE} <= set(snapshot.files):
        table = pa.table({})
        return Board(None, table, parts_answer(board_parts(None, table)))
    meta = _parse(META_FILE, TypeAdapter(BoardMeta), snapshot.read(META_FILE))
    table = rank_rows(_parse_table(snapshot.read(TABLE_FILE)))
    answer = parts_answer(board_parts(meta, table))
    # Memory of reading and compressing goes back to the system; the server keeps it otherwise.
    pa.default_memory_pool().release_unused()
    return Board(meta, table, answer)


def read_queue(snapshot: Snapshot, titles: dict[str, str]) -> Queue:
    """Read the queue; an empty one when there is none.

    Raises:
        RecordError: The file is not a queue.
        StoreError: The file cannot be read.
    """
    content = snapshot.read(QUEUE_FILE) if QUEUE_FILE in snapshot.files else b"[]"
    entries = _parse(QUEUE_FILE, TypeAdapter(tuple[QueueEntry, ...]), content)
    documents = [entry.model_dump(mode="json") for entry in entries]
    return Queue(entries, json_answer({"titles": titles, "entries": documents}))


def _parse(path: str, kind: TypeAdapter[T], content: bytes) -> T:
    try:
        return kind.validate_json(content)
    except ValidationError as exc:
        raise RecordError(
            f"{path!r} in the board store cannot be read: {first_problem(exc)}. "
            "Build the board again."
        ) from exc


def _parse_table(content: bytes) -> pa.Table:
    try:
        table = pq.read_table(pa.BufferReader(content))
    except pa.ArrowException as exc:
        raise RecordError(
            f"{TABLE_FILE!r} in the board store is not a Parquet file: {exc}. Build the board again."
        ) from exc
    check_table(table)
    return table
