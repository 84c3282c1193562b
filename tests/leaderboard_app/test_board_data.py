import gzip
import json
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.errors import RecordError, StoreUnreachable
from evalboard.records.board_files import META_FILE, QUEUE_FILE, TABLE_FILE
from evalboard.stores.local import LocalSnapshot, LocalStore
from evalboard.stores.protocol import Snapshot
from evalboard.suites.boards import SuiteBoard
from evalboard.suites.loader import load_suite
from leaderboard_app.board_data import (
    BoardUnreadable,
    Follower,
    RankedBoard,
    follow_board,
    follow_queue,
    read_ranked_board,
    read_titled_queue,
)
from tests.leaderboard_app.boards import SUITE

BOARDS = (SuiteBoard(load_suite(SUITE), ""),)
Damage = Callable[[pa.Table], pa.Table]


class CountingStore(LocalStore):
    """A real store that counts how often it is looked at."""

    looks = 0

    def snapshot(self, under: str = "") -> LocalSnapshot:
        self.looks += 1
        return super().snapshot(under)


def test_an_absent_store_is_an_empty_board(board_folder: Any) -> None:
    board = read_ranked_board(LocalStore(board_folder.folder).snapshot())
    assert board.meta is None
    assert board.table.num_rows == 0
    assert read_titled_queue(LocalStore(board_folder.folder).snapshot(), BOARDS).entries == ()


def test_a_new_board_replaces_the_old(board_folder: Any, make_row: Callable[..., Any]) -> None:
    follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
    empty = follower.current()
    board_folder.write_board([make_row("a/a", 0.5)])
    first = follower.current()
    board_folder.write_board([make_row("a/a", 0.5), make_row("b/b", 0.6)])
    second = follower.current()
    assert [b.table.num_rows for b in (empty, first, second)] == [0, 1, 2]
    assert len({b.document.etag for b in (empty, first, second)}) == 3


def test_an_unchanged_board_is_not_read_again(
    board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
    before = follower.current()
    board_folder.write_queue([])
    assert follower.current() is before


def test_many_readers_cost_one_look(board_folder: Any, make_row: Callable[..., Any]) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    store = CountingStore(board_folder.folder)
    follower = follow_board(store, max_age_seconds=3600)
    for _ in range(5):
        follower.current()
    assert store.looks == 1


class SlowStore(LocalStore):
    """A real store whose later looks wait until they are let go."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.looked, self.go_on = Event(), Event()
        self.go_on.set()

    def snapshot(self, under: str = "") -> LocalSnapshot:
        self.looked.set()
        assert self.go_on.wait(timeout=300)
        return super().snapshot(under)


def test_readers_do_not_wait_for_who_reads_a_new_board(
    board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    store = SlowStore(board_folder.folder)
    follower = follow_board(store, max_age_seconds=0)
    old = follower.current()
    board_folder.write_board([make_row("b/b", 0.5)])
    store.looked.clear()
    store.go_on.clear()
    with ThreadPoolExecutor() as pool:
        reading = pool.submit(follower.current)
        assert store.looked.wait(timeout=300)
        assert follower.current() is old
        store.go_on.set()
        assert reading.result(timeout=300).table.column("model").to_pylist() == ["b/b"]


@pytest.mark.parametrize("path", [TABLE_FILE, META_FILE])
def test_a_broken_file_leaves_the_last_good_board(
    path: str,
    board_folder: Any,
    make_row: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
    good = follower.current()
    board_folder.write({path: b"garbage"})
    with caplog.at_level(logging.WARNING):
        assert follower.current() is good
    assert path in caplog.text
    board_folder.write_board([make_row("b/b", 0.6)])
    assert follower.current().table.column("model").to_pylist() == ["b/b"]


def test_a_board_that_never_could_be_read_is_an_error(board_folder: Any) -> None:
    board_folder.write({TABLE_FILE: b"garbage", META_FILE: b"{}"})
    follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
    with pytest.raises(BoardUnreadable, match=f"'{META_FILE}'.*evalboard board build"):
        follower.current()


def without(column: str) -> Damage:
    return lambda table: table.drop_columns([column])


def with_values(column: str, *values: Any) -> Damage:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(table.column_names.index(column), column, pa.array(values))

    return change


DAMAGES: list[Damage] = [
    without("model"),
    with_values("model", None, "a/a"),
    with_values("model", 1.5, 2.5),
    with_values("sha", "0" * 40, None),
    with_values("sha", [1], [2]),
    with_values("average", "high", "low"),
    with_values("average", float("inf"), 0.5),
    with_values("average", [0.5], [0.6]),
    with_values("complete", None, True),
    with_values("complete", "yes", "maybe"),
    with_values("flags", None, ["moe"]),
    with_values("flags", "a", "b"),
    with_values("medmcqa", "x", "y"),
    with_values("medmcqa", float("-inf"), 0.1),
    with_values("finished_time", [1], [2]),
    with_values("license", b"\xff\xfe", b"\xff"),
]


@pytest.mark.parametrize("damage", DAMAGES, ids=range(len(DAMAGES)))
def test_a_table_of_wrong_values_leaves_the_last_good_board(
    damage: Damage, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row("a/a", 0.5), make_row("b/b", 0.6)])
    follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
    good = follower.current()
    table = pq.read_table(board_folder.folder / TABLE_FILE)
    sink = pa.BufferOutputStream()
    pq.write_table(damage(table), sink)
    board_folder.write({TABLE_FILE: sink.getvalue().to_pybytes()})
    assert follower.current() is good
    with pytest.raises(BoardUnreadable):
        follow_board(LocalStore(board_folder.folder), max_age_seconds=0).current()


def test_flipped_bytes_never_end_in_another_error(
    board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row(f"a/{n}", 0.5) for n in range(20)])
    whole = (board_folder.folder / TABLE_FILE).read_bytes()
    generator = random.Random(0)
    for _ in range(60):
        changed = bytearray(whole)
        for _ in range(generator.choice([1, 3, 30])):
            changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
        board_folder.write({TABLE_FILE: bytes(changed)})
        follower = follow_board(LocalStore(board_folder.folder), max_age_seconds=0)
        try:
            board = follower.current()
        except BoardUnreadable:
            continue
        assert len(board.document.brotli) > 0


def test_a_broken_file_is_read_and_reported_once(
    board_folder: Any, make_row: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    store = LocalStore(board_folder.folder)
    board_folder.write_board([make_row("a/a", 0.5)])
    board_folder.write({TABLE_FILE: b"garbage"})
    reads: list[Any] = []

    def read(snapshot: Snapshot) -> RankedBoard:
        reads.append(snapshot)
        return read_ranked_board(snapshot)

    follower = Follower(store, (META_FILE, TABLE_FILE), read, max_age_seconds=0)
    for _ in range(5):
        with pytest.raises(BoardUnreadable):
            follower.current()
    assert (len(reads), len(caplog.records)) == (1, 1)
    board_folder.write({TABLE_FILE: b"other garbage"})
    for _ in range(5):
        with pytest.raises(BoardUnreadable):
            follower.current()
    assert (len(reads), len(caplog.records)) == (2, 2)
    board_folder.write_board([make_row("a/a", 0.5)])
    assert follower.current().table.num_rows == 1


class FailingStore(LocalStore):
    """A real store whose looks end with an error as long as there is one."""

    error: Exception | None = None

    def snapshot(self, under: str = "") -> LocalSnapshot:
        if self.error:
            raise self.error
        return super().snapshot(under)


@pytest.mark.parametrize(
    "error", [StoreUnreachable("gone"), PermissionError("/secret"), ValueError("x")]
)
def test_a_store_that_fails_for_a_while_is_asked_again(
    error: Exception, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    store = FailingStore(board_folder.folder)
    store.error = error
    follower = follow_board(store, max_age_seconds=0)
    with pytest.raises(BoardUnreadable):
        follower.current()
    store.error = None
    good = follower.current()
    assert good.table.num_rows == 1
    store.error = error
    assert follower.current() is good


def test_the_queue_keeps_its_order_and_gets_titles(
    board_folder: Any, make_entry: Callable[..., Any]
) -> None:
    progress = {"medmcqa": {"state": "running", "done": 3, "total": 10}}
    board_folder.write_queue(
        [
            make_entry("a/a", "RUNNING", benchmarks=progress),
            make_entry("b/b", "PENDING", position=1, unknown_key="kept"),
        ]
    )
    store = LocalStore(board_folder.folder)
    follower = follow_queue(store, BOARDS, max_age_seconds=0)
    entries = follower.current().entries
    assert [entry.model for entry in entries] == ["a/a", "b/b"]
    assert entries[0].benchmarks["medmcqa"].done == 3
    document = json.loads(gzip.decompress(follower.current().document.zipped))
    assert document["titles"]["medmcqa"] == "MedMCQA"
    assert document["boards"][SUITE] == {"title": "Open Medical-LLM Leaderboard", "folder": ""}


@pytest.mark.parametrize(
    "content",
    [
        b"null",
        b"[null]",
        b'[{"model": "a/a", "request": 5, "status": "PENDING"}]',
        rb'[{"model": "\ud800"}]',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_a_broken_queue_leaves_the_last_good_one(
    content: bytes, board_folder: Any, make_entry: Callable[..., Any]
) -> None:
    board_folder.write_queue([make_entry("a/a", "PENDING")])
    follower = follow_queue(LocalStore(board_folder.folder), BOARDS, max_age_seconds=0)
    good = follower.current()
    board_folder.write({QUEUE_FILE: content})
    assert follower.current() is good


@pytest.mark.parametrize("content", [b"{", b'[{"model": "a/a"}]', json.dumps({}).encode()])
def test_what_is_no_queue_is_an_error(content: bytes, board_folder: Any) -> None:
    board_folder.write({QUEUE_FILE: content})
    with pytest.raises(RecordError, match=f"'{QUEUE_FILE}'"):
        read_titled_queue(LocalStore(board_folder.folder).snapshot(), BOARDS)
