import json
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.errors import RecordError, StoreError
from evalboard.records.board_files import BoardMeta, QueueEntry
from evalboard.stores.board import publish_file, publish_table, read_board, read_queue
from evalboard.stores.protocol import Delete, Store, Write

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")


def board(content_hash: str, built_at: str = "now", table: bytes = b"PAR1") -> dict[str, bytes]:
    meta = {"content_hash": content_hash, "built_at": built_at}
    return {"board.parquet": table, "board.json": json.dumps(meta).encode()}


def content(store: Store) -> dict[str, bytes]:
    snapshot = store.snapshot()
    return {path: snapshot.read(path) for path in snapshot.files}


def test_a_table_is_written_only_when_its_hash_is_new(store: Store) -> None:
    assert publish_table(store, lambda: board("1"))
    before = store.snapshot().revision
    assert not publish_table(store, lambda: board("1", built_at="later", table=b"PAR2"))
    assert store.snapshot().revision == before
    assert publish_table(store, lambda: board("2"))
    assert content(store) == board("2")


@pytest.mark.parametrize("meta", [b"{", b"[]", b"{}", b"\xff", b"null"])
def test_what_is_no_board_is_replaced(meta: bytes, store: Store) -> None:
    store.commit([Write("board.json", meta), Write("board.parquet", b"")], message="by hand")
    assert publish_table(store, lambda: board("1"))
    assert content(store) == board("1")


def test_a_table_that_is_missing_is_written_again(store: Store) -> None:
    publish_table(store, lambda: board("1"))
    store.commit([Delete("board.parquet")], message="by hand")
    assert publish_table(store, lambda: board("1"))
    assert content(store) == board("1")


def test_a_table_is_built_again_when_somebody_else_was_faster(
    store: Store, open_again: Callable[[], Store]
) -> None:
    builds: list[str] = []

    def build() -> dict[str, bytes]:
        builds.append("")
        if len(builds) == 1:
            publish_table(open_again(), lambda: board("theirs"))
        return board(f"mine, build {len(builds)}")

    assert publish_table(store, build)
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
        assert not publish_table(store, lambda: {**table, "board.parquet": build()})
    assert len(builds) == 2
    assert store.snapshot().read("board.json") == b'{"of": "2"}'


META = BoardMeta(suite="s", title="S", benchmarks=(), revision="r", built_at="t", content_hash="h")
ROW = {"model": "org/m", "sha": "a" * 40, "average": 0.5, "complete": True}


def published(*rows: dict[str, object]) -> dict[str, bytes]:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows)), sink)
    return {
        "board.json": META.model_dump_json().encode(),
        "board.parquet": sink.getvalue().to_pybytes(),
    }


def test_a_published_board_is_read_back(store: Store, open_again: Callable[[], Store]) -> None:
    publish_table(store, lambda: published(ROW))
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
        ({"board.parquet": b"garbage"}, "'board.parquet'.*not a Parquet file"),
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
