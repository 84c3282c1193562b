"""The board store: tables, their descriptions and the queue, how they are written and read.

The first board and the queue are at the top. Each further board has a folder, `boards/{suite}/`.

They are written only when they changed. All of it is made from other stores, so a writer that is
overtaken twice may leave it: the second one that was faster began to read after the first one had
written, and so after this call. A damaged table is written again, because it is made from other stores.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa
from pydantic import TypeAdapter, ValidationError

from evalboard.errors import ConflictError, RecordError, StoreError, first_problem
from evalboard.records.board_files import (
    META_FILE,
    QUEUE_FILE,
    TABLE_FILE,
    BoardMeta,
    GoneRow,
    QueueEntry,
)
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
MOST_GONE = 100
ROW_IDENTITY = (
    *("model", "sha", "precision", "weight_type"),
    *("use_chat_template", "enable_thinking"),
)
"""Columns of which no two rows have the same values."""
REQUIRED_COLUMNS = ("model", "sha", "average", "complete")
_TYPES: dict[Kind, tuple[Callable[[pa.DataType], bool], bool]] = {
    "params": (pa.types.is_floating, True),
    "average": (pa.types.is_floating, True),
    "share": (pa.types.is_floating, True),
    "points": (pa.types.is_floating, True),
    "amount": (pa.types.is_floating, True),
    "count": (pa.types.is_integer, True),
    "yes": (pa.types.is_boolean, True),
    "flags": (pa.types.is_list, False),
}
"""Test of the type of a column, and whether values may be missing. Other kinds are whole texts."""

T = TypeVar("T")

Tables = Mapping[str, Mapping[str, bytes]]
"""The files of each board by name, by the board's folder: empty, or with a slash at its end."""


class PublishedBoard(NamedTuple):
    """The table that the board store holds, and what it is of."""

    meta: BoardMeta
    table: pa.Table

    @property
    def frame(self) -> pd.DataFrame:
        """The table for pandas."""
        return self.table.to_pandas()


def read_board(store: Store, folder: str = "") -> PublishedBoard:
    """Return the published board of a folder, which ends with a slash; empty for the first board.

    Raises:
        RecordError: A file is not what its name promises.
        StoreError: No board was built yet, or a file cannot be read.
    """
    board = retry_on_conflict(lambda: published_board(store.snapshot(), folder))
    if board is None:
        where = f" in {folder!r}" if folder else ""
        raise StoreError(
            f"Store {store.address!r} has no board{where} yet. Build it with `evalboard board build`."
        )
    return board


def read_queue(store: Store) -> tuple[QueueEntry, ...]:
    """Return the published queue; raises as `published_queue` does."""
    return retry_on_conflict(lambda: published_queue(store.snapshot()))


def published_board(snapshot: Snapshot, folder: str = "") -> PublishedBoard | None:
    """Return the board of one state of the store, None while there is none.

    Args:
        snapshot: The state.
        folder: As for `read_board`.

    Raises:
        RecordError: A file is not what its name promises.
        StoreError: A file cannot be read.
    """
    described, table = folder + META_FILE, folder + TABLE_FILE
    if ABSENT in snapshot.blobs((described, table)).values():
        return None
    meta = _parse(described, TypeAdapter(BoardMeta), snapshot.read(described))
    return PublishedBoard(meta, _parse_table(table, snapshot.read(table)))


def published_queue(snapshot: Snapshot) -> tuple[QueueEntry, ...]:
    """Return the queue of one state of the store; empty before it was first published.

    Raises:
        RecordError: The file is not a queue.
        StoreError: The file cannot be read.
    """
    if snapshot.blobs([QUEUE_FILE])[QUEUE_FILE] == ABSENT:
        return ()
    return _parse(QUEUE_FILE, TypeAdapter(tuple[QueueEntry, ...]), snapshot.read(QUEUE_FILE))


def publish_tables(store: Store, build: Callable[[], Tables]) -> bool:
    """Write the tables with a new content hash, and those that cannot be read, as one commit.

    Returns whether any was written.

    `build` is called again after a concurrent commit, so an older table never replaces a newer one.
    After two concurrent commits their tables are as new as this call.
    """

    def change() -> bool:
        snapshot = store.snapshot()
        files = _new_files(snapshot, build())
        if not files:
            return False
        there = snapshot.blobs(files)
        store.commit(
            [Write(path, content, there[path]) for path, content in files.items()], message="board"
        )
        return True

    return _unless_overtaken(change)


def are_other_tables(store: Store, build: Callable[[], Tables]) -> bool:
    """Return whether `publish_tables` would write now."""
    tables = build()
    return bool(retry_on_conflict(lambda: _new_files(store.snapshot(), tables)))


def _new_files(snapshot: Snapshot, tables: Tables) -> dict[str, bytes]:
    """Return the files, by path in the store, of the tables that are not there yet."""
    new: dict[str, bytes] = {}
    for folder, files in tables.items():
        former = _published(snapshot, folder)
        if former is None or former.meta.content_hash != _meta(files).content_hash:
            remembering = _remember_gone(files, former) if former else files
            new |= {folder + name: content for name, content in remembering.items()}
    return new


def _meta(files: Mapping[str, bytes]) -> BoardMeta:
    return BoardMeta.model_validate_json(files[META_FILE])


def _remember_gone(files: Mapping[str, bytes], former: PublishedBoard) -> Mapping[str, bytes]:
    """Return a board's files with the rows that left it, those of `former` among them."""
    meta = _meta(files)
    there = _known_as(parquet_table(files[TABLE_FILE]))
    left = [
        GoneRow(model=row[0], sha=row[1], precision=row[2] or "", time=meta.built_at)
        for row in _identities(former.table)
        if row not in there
    ]
    gone = (*left, *former.meta.gone)[:MOST_GONE]
    if not gone:
        return files
    remembered = meta.model_copy(update={"gone": gone}).model_dump_json(indent=2)
    return {**files, META_FILE: (remembered + "\n").encode()}


def _known_as(table: pa.Table) -> set[tuple[Any, ...]]:
    """Return the identities of all rows, under every name that their models have had."""
    found = _identities(table)
    if "former_names" not in table.column_names:
        return {*found}
    former = table.column("former_names").to_pylist()
    return {
        (name, *rest)
        for (model, *rest), others in zip(found, former, strict=True)
        for name in (model, *others)
    }


def _identities(table: pa.Table) -> list[tuple[Any, ...]]:
    missing = [None] * table.num_rows
    names = table.column_names
    columns = (table.column(n).to_pylist() if n in names else missing for n in ROW_IDENTITY)
    return list(zip(*columns, strict=True))


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


def _published(snapshot: Snapshot, folder: str) -> PublishedBoard | None:
    """Return a stored board, None if there is none that can be read."""
    try:
        return published_board(snapshot, folder)
    except RecordError:
        return None


def _parse(path: str, kind: TypeAdapter[T], content: bytes) -> T:
    try:
        return kind.validate_json(content)
    except ValidationError as exc:
        raise RecordError(
            f"{path!r} in the board store cannot be read: {first_problem(exc)}. Rebuild it with "
            "`evalboard board build`."
        ) from exc


def _parse_table(path: str, content: bytes) -> pa.Table:
    """Return a table whose columns are of the types that their readers rely on.

    Raises:
        RecordError: The file is damaged, or is another table.
    """
    try:
        table = parquet_table(content)
    except ValueError as exc:
        raise _damaged(path, f"is not a Parquet file: {exc}") from exc
    if missing := [name for name in REQUIRED_COLUMNS if name not in table.column_names]:
        raise _damaged(path, f"has no column {missing[0]!r}")
    for column in COLUMNS:
        if column.key in table.column_names and not _is_sound(table.column(column.key), column):
            raise _damaged(path, f"has other values than expected in column {column.key!r}")
    return table


def _is_sound(values: pa.ChunkedArray, column: Column) -> bool:
    is_right, may_be_missing = _TYPES.get(column.kind, (is_text, False))
    if pa.types.is_null(values.type):  # of a table without rows, or without any value
        return may_be_missing or not len(values)
    return is_right(values.type) and (may_be_missing or not values.null_count)


def _damaged(path: str, problem: str) -> RecordError:
    return RecordError(
        f"{path!r} in the board store {problem}. Rebuild it with `evalboard board build`."
    )
