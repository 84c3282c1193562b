import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.errors import RecordError, StoreError
from evalboard.records.board_files import BoardMeta, QueueEntry
from evalboard.stores.board import (
    Tables,
    _parse_table,  # pyright: ignore[reportPrivateUsage]
    publish_file,
    publish_tables,
    read_board,
    read_queue,
)
from evalboard.stores.protocol import Delete, Store, Write

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


META = BoardMeta(suite="s", title="S", benchmarks=(), revision="r", built_at="t", content_hash="h")
ROW: dict[str, object] = {"model": "org/m", "sha": "a" * 40, "average": 0.5, "complete": True}


def parquet(*rows: dict[str, object], **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink, **options)
    return sink.getvalue().to_pybytes()


TABLE = parquet(ROW)


def board(content_hash: str, built_at: str = "now", table: bytes = TABLE) -> dict[str, bytes]:
    meta = META.model_copy(update={"content_hash": content_hash, "built_at": built_at})
    return {"board.parquet": table, "board.json": meta.model_dump_json().encode()}


def content(store: Store) -> dict[str, bytes]:
    snapshot = store.snapshot()
    return {path: snapshot.read(path) for path in snapshot.files}


def test_a_table_is_written_only_when_its_hash_is_new(store: Store) -> None:
    assert publish_tables(store, lambda: {"": board("1")})
    before = store.snapshot().revision
    other = parquet(ROW, compression="zstd")  # a later version of Parquet
    assert not publish_tables(store, lambda: {"": board("1", built_at="later", table=other)})
    assert store.snapshot().revision == before
    assert publish_tables(store, lambda: {"": board("2")})
    assert content(store) == board("2")


def test_a_board_remembers_the_rows_that_left_it(store: Store) -> None:
    other = ROW | {"model": "org/other", "precision": "4bit"}
    publish_tables(store, lambda: {"": board("1", table=parquet(ROW, other))})
    assert read_board(store).meta.gone == ()
    publish_tables(store, lambda: {"": board("2", built_at="then")})
    publish_tables(store, lambda: {"": board("3", table=parquet(ROW | {"sha": "b" * 40}))})
    gone = [(row.model, row.sha[0], row.time) for row in read_board(store).meta.gone]
    assert gone == [("org/m", "a", "now"), ("org/other", "a", "then")]


def test_a_row_under_a_new_name_has_not_left(store: Store) -> None:
    publish_tables(store, lambda: {"": board("1")})
    renamed = ROW | {"model": "org/new", "former_names": ["org/m"]}
    publish_tables(store, lambda: {"": board("2", table=parquet(renamed))})
    assert read_board(store).meta.gone == ()


def test_several_boards_are_one_commit_with_those_that_changed(store: Store) -> None:
    tables = {"": board("1"), "boards/other/": board("2")}
    assert publish_tables(store, lambda: tables)
    assert set(store.snapshot().files) == {
        *("board.json", "board.parquet"),
        *("boards/other/board.json", "boards/other/board.parquet"),
    }
    before = store.snapshot().revision
    assert not publish_tables(store, lambda: tables)
    assert store.snapshot().revision == before
    assert publish_tables(store, lambda: tables | {"boards/other/": board("3", built_at="then")})
    assert read_board(store).meta.built_at == "now"
    assert read_board(store, "boards/other/").meta.content_hash == "3"
    with pytest.raises(StoreError, match="'boards/third/'"):
        read_board(store, "boards/third/")


@pytest.mark.parametrize("meta", [b"{", b"[]", b"{}", b"\xff", b"null"])
def test_what_is_no_board_is_replaced(meta: bytes, store: Store) -> None:
    store.commit([Write("board.json", meta), Write("board.parquet", b"")], message="by hand")
    assert publish_tables(store, lambda: {"": board("1")})
    assert content(store) == board("1")


def test_a_table_that_is_missing_is_written_again(store: Store) -> None:
    publish_tables(store, lambda: {"": board("1")})
    store.commit([Delete("board.parquet")], message="by hand")
    assert publish_tables(store, lambda: {"": board("1")})
    assert content(store) == board("1")


def test_a_table_is_built_again_when_somebody_else_was_faster(
    store: Store, open_again: Callable[[], Store]
) -> None:
    builds: list[str] = []

    def build() -> Tables:
        builds.append("")
        if len(builds) == 1:
            publish_tables(open_again(), lambda: {"": board("theirs")})
        return {"": board(f"mine, build {len(builds)}")}

    assert publish_tables(store, build)
    assert content(store) == board("mine, build 2")


def test_a_file_is_written_only_when_its_content_is_new(store: Store) -> None:
    assert publish_file(store, "queue.json", lambda: b"[]")
    before = store.snapshot().revision
    assert not publish_file(store, "queue.json", lambda: b"[]")
    assert store.snapshot().revision == before
    assert publish_file(store, "queue.json", lambda: b"[1]")
    assert content(store) == {"queue.json": b"[1]"}


def test_a_file_is_built_again_when_somebody_else_was_faster(
    store: Store, open_again: Callable[[], Store]
) -> None:
    builds: list[str] = []

    def build() -> bytes:
        builds.append("")
        if len(builds) == 1:
            publish_file(open_again(), "queue.json", lambda: b"theirs")
        return b"mine %d" % len(builds)

    assert publish_file(store, "queue.json", build)
    assert content(store) == {"queue.json": b"mine 2"}


@pytest.mark.parametrize("kind", ["file", "table"])
def test_who_is_overtaken_twice_leaves_it_to_those_who_began_later(
    kind: str, store: Store, open_again: Callable[[], Store]
) -> None:
    builds: list[str] = []

    def build() -> bytes:
        builds.append("")
        publish_file(open_again(), "board.json", lambda: b'{"of": "%d"}' % len(builds))
        return b"mine"

    if kind == "file":
        assert not publish_file(store, "board.json", build)
    else:
        table = board("mine")
        assert not publish_tables(store, lambda: {"": {**table, "board.parquet": build()}})
    assert len(builds) == 2
    assert store.snapshot().read("board.json") == b'{"of": "2"}'


def published(*rows: dict[str, Any]) -> dict[str, bytes]:
    return board("h", "t", parquet(*rows))


def test_a_published_board_is_read_back(store: Store, open_again: Callable[[], Store]) -> None:
    publish_tables(store, lambda: {"": published(ROW)})
    board = read_board(open_again())
    assert board.meta == META
    assert board.table.to_pylist() == [ROW]
    assert board.frame["average"].to_list() == [0.5]


def test_a_store_without_a_board_says_how_to_build_one(store: Store) -> None:
    with pytest.raises(StoreError, match="evalboard board build"):
        read_board(store)


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"board.json": b"{"}, "'board.json'"),
        ({"board.json": b"{}"}, "'board.json'.*suite"),
        (
            {"board.json": META.model_dump_json().replace('_version":1', '_version":2').encode()},
            "1",
        ),
        ({"board.parquet": b"garbage"}, "'board.parquet'.*not a Parquet file"),
        ({"board.parquet": TABLE[:-9]}, "'board.parquet'.*not a Parquet file"),
        ({"board.parquet": b""}, "'board.parquet'.*not a Parquet file"),
        (published(ROW, ROW | {"model": None}), "column 'model'"),
        (published(ROW | {"model": 1}), "column 'model'"),
        (published(ROW, ROW | {"sha": None}), "column 'sha'"),
        (published(ROW | {"average": "high"}), "column 'average'"),
        (published(ROW | {"complete": "yes"}), "column 'complete'"),
        (published(ROW | {"license": b"\xff"}), "column 'license'"),
        (published({"model": "m", "sha": "a", "average": 0.1}), "'complete'"),
    ],
)
def test_a_file_that_is_no_board_is_named(
    files: dict[str, bytes], problem: str, store: Store
) -> None:
    store.commit([Write(p, c) for p, c in (published(ROW) | files).items()], message="by hand")
    with pytest.raises(RecordError, match=f"{problem}.*evalboard board build"):
        read_board(store)


def test_a_published_queue_is_read_in_its_order(store: Store) -> None:
    assert read_queue(store) == ()
    entries = tuple(
        QueueEntry(request=f"{name}.json", model=name, sha8="1", precision="4bit", status="PENDING")
        for name in ("b", "a")
    )
    content = json.dumps([entry.model_dump(mode="json") for entry in entries]).encode()
    publish_file(store, "queue.json", lambda: content)
    assert read_queue(store) == entries


def test_a_row_without_an_average_is_read(store: Store) -> None:
    publish_tables(store, lambda: {"": published(ROW, ROW | {"average": None, "complete": False})})
    assert read_board(store).table.column("average").to_pylist() == [0.5, None]


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize("compression", ["zstd", "none"])
def test_no_flipped_byte_is_more_than_a_board_that_cannot_be_read(compression: str) -> None:
    rows = [ROW | {"model": f"org/m{n}", "average": n / 9} for n in range(9)]
    whole = parquet(*rows, compression=compression, write_page_checksum=True)
    damaged = 0
    for at in range(len(whole)):
        try:
            table = _parse_table("board.parquet", flipped(whole, at))
        except RecordError:
            damaged += 1
        else:  # a byte of no meaning, as that of a statistic
            assert table.to_pylist() == rows
    assert damaged > len(whole) / 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:-20],
        lambda content: content[:40] + bytes(40) + content[80:],
        lambda content: bytes(len(content)),
        lambda content: b"{}",
    ],
)
@pytest.mark.parametrize("file", ["board.parquet", "board.json"])
def test_a_damaged_board_is_written_again(
    file: str, damage: Callable[[bytes], bytes], store: Store
) -> None:
    files = {**board("1"), "board.parquet": parquet(ROW, write_page_checksum=True)}
    assert publish_tables(store, lambda: {"": files})
    store.commit([Write(file, damage(files[file]))], message="a disk")
    assert publish_tables(store, lambda: {"": files})
    assert content(store) == files
