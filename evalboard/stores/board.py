"""The board store: table, description and queue, how they are written and how they are read.

They are written only when they changed. All of it is made from other stores, so a writer that is
overtaken twice may leave it: the second one that was faster began to read after the first one had
written, and so after this call. A damaged table is written again, because it is made from other stores.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from evalboard.errors import ConflictError, RecordError, StoreError, first_problem
from evalboard.records.board_files import META_FILE, QUEUE_FILE, TABLE_FILE, BoardMeta, QueueEntry
from evalboard.records.columns import COLUMNS, Column, Kind
from evalboard.records.parquet import is_text, parquet_table
from evalboard.stores.protocol import (
    ABSENT,
    Snapshot,
    Store,
    Write,
    blob_id,
    retry_on_conflict,
)

MAX_PUBLISHING_ATTEMPTS = 2
REQUIRED_COLUMNS = ("model", "sha", "average", "complete")
_TYPES: dict[Kind, tuple[Callable[[pa.DataType], bool], bool]] = {
    "params": (pa.types.is_floating, True),
    "average": (pa.types.is_floating, True),
    "share": (pa.types.is_floating, True),
    "count": (pa.types.is_integer, True),
    "yes": (pa.types.is_boolean, True),
    "flags": (pa.types.is_list, False),
}
"""Test of the type of a column, and whether values may be missing. Other kinds are whole texts."""

T = TypeVar("T")


class PublishedBoard(NamedTuple):
    """The table that the board store holds, and what it is of."""

    meta: BoardMeta
    table: pa.Table

    @property
    def frame(self) -> pd.DataFrame:
        """The table for pandas."""
        return self.table.to_pandas()


def read_board(store: Store) -> PublishedBoard:
    """Return the published board.

    Raises:
        RecordError: A file is not what its name promises.
        StoreError: No board was built yet, or a file cannot be read.
    """
    board = retry_on_conflict(lambda: published_board(store.snapshot()))
    if board is None:
        raise StoreError(
            f"Store {store.address!r} has no board yet. Build it with `evalboard board build`."
        )
    return board


def read_queue(store: Store) -> tuple[QueueEntry, ...]:
    """Return the published queue; raises as `published_queue` does."""
    return retry_on_conflict(lambda: published_queue(store.snapshot()))


def published_board(snapshot: Snapshot) -> PublishedBoard | None:
    """Return the board of one state of the store, None while there is none.

    Raises:
        RecordError: A file is not what its name promises.
        StoreError: A file cannot be read.
    """
    if ABSENT in snapshot.blobs((META_FILE, TABLE_FILE)).values():
        return None
    meta = _parse(META_FILE, TypeAdapter(BoardMeta), snapshot.read(META_FILE))
    return PublishedBoard(meta, _parse_table(snapshot.read(TABLE_FILE)))


def published_queue(snapshot: Snapshot) -> tuple[QueueEntry, ...]:
    """Return the queue of one state of the store; empty before it was first published.

    Raises:
        RecordError: The file is not a queue.
        StoreError: The file cannot be read.
    """
    if snapshot.blobs([QUEUE_FILE])[QUEUE_FILE] == ABSENT:
        return ()
    return _parse(QUEUE_FILE, TypeAdapter(tuple[QueueEntry, ...]), snapshot.read(QUEUE_FILE))


def publish_table(store: Store, build: Callable[[], Mapping[str, bytes]]) -> bool:
    """Write the table's files if their content hash is new, or they cannot be read.

    Returns whether they were written.

    `build` is called again after a concurrent commit, so an older table never replaces a newer one.
    After two concurrent commits their table is as new as this call.
    """

    def change() -> bool:
        snapshot = store.snapshot()
        files = build()
        new = json.loads(files[META_FILE])["content_hash"]
        there = snapshot.blobs(files)
        if _published_hash(snapshot) == new:
            return False
        store.commit(
            [Write(path, content, there[path]) for path, content in files.items()], message="board"
        )
        return True

    return _unless_overtaken(change)


def is_other_table(store: Store, build: Callable[[], Mapping[str, bytes]]) -> bool:
    """Return whether `publish_table` would write now."""
    new = json.loads(build()[META_FILE])["content_hash"]
    return retry_on_conflict(lambda: _published_hash(store.snapshot())) != new


def is_other_file(store: Store, path: str, build: Callable[[], bytes]) -> bool:
    """Return whether `publish_file` would write now."""
    return store.snapshot().blobs([path])[path] != blob_id(build())


def publish_file(store: Store, path: str, build: Callable[[], bytes]) -> bool:
    """Write one file if its content is new, and return whether it was. `build` works as above."""

    def change() -> bool:
        snapshot = store.snapshot()
        content = build()
        there = snapshot.blobs([path])[path]
        if there == blob_id(content):
            return False
        store.commit([Write(path, content, there)], message=path)
        return True

    return _unless_overtaken(change)


def _unless_overtaken(change: Callable[[], bool]) -> bool:
    """Return the result of `change`, False if another writer was faster each time."""
    for _ in range(MAX_PUBLISHING_ATTEMPTS):
        with suppress(ConflictError):
            return change()
    return False


def _published_hash(snapshot: Snapshot) -> str | None:
    """Return the hash of the stored board, None if there is no board that can be read."""
    try:
        board = published_board(snapshot)
    except RecordError:
        return None
    return board.meta.content_hash if board else None


def _parse(path: str, kind: TypeAdapter[T], content: bytes) -> T:
    try:
        return kind.validate_json(content)
    except ValidationError as exc:
        raise RecordError(
            f"{path!r} in the board store cannot be read: {first_problem(exc)}. Rebuild it with "
            "`evalboard board build`."
        ) from exc


def _parse_table(content: bytes) -> pa.Table:
    """Return a table whose columns are of the types that their readers rely on.

    Raises:
        RecordError: The file is damaged, or is another table.
    """
    try:
        table = parquet_table(content)
    except ValueError as exc:
        raise _damaged(f"is not a Parquet file: {exc}") from exc
    if missing := [name for name in REQUIRED_COLUMNS if name not in table.column_names]:
        raise _damaged(f"has no column {missing[0]!r}")
    for column in COLUMNS:
        if column.key in table.column_names and not _is_sound(table.column(column.key), column):
            raise _damaged(f"has other values than expected in column {column.key!r}")
    return table


def _is_sound(values: pa.ChunkedArray, column: Column) -> bool:
    is_right, may_be_missing = _TYPES.get(column.kind, (is_text, False))
    if pa.types.is_null(values.type):  # of a table without rows, or without any value
        return may_be_missing or not len(values)
    return is_right(values.type) and (may_be_missing or not values.null_count)


def _damaged(problem: str) -> RecordError:
    return RecordError(
        f"{TABLE_FILE!r} in the board store {problem}. Rebuild it with `evalboard board build`."
    )
