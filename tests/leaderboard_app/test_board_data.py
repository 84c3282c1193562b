import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from evalboard.errors import RecordError
from evalboard.records.board_files import META_FILE, QUEUE_FILE, TABLE_FILE
from evalboard.stores.local import LocalSnapshot, LocalStore
from leaderboard_app.board_data import (
    follow_board,
    follow_queue,
    read_ranked_board,
    read_titled_queue,
)


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
    assert read_titled_queue(LocalStore(board_folder.folder).snapshot(), {}).entries == ()


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
    with pytest.raises(RecordError, match=f"'{META_FILE}'.*evalboard board build"):
        follower.current()


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
    follower = follow_queue(store, {"medmcqa": "MedMCQA"}, max_age_seconds=0)
    entries = follower.current().entries
    assert [entry.model for entry in entries] == ["a/a", "b/b"]
    assert entries[0].benchmarks["medmcqa"].done == 3


@pytest.mark.parametrize("content", [b"{", b'[{"model": "a/a"}]', json.dumps({}).encode()])
def test_what_is_no_queue_is_an_error(content: bytes, board_folder: Any) -> None:
    board_folder.write({QUEUE_FILE: content})
    with pytest.raises(RecordError, match=f"'{QUEUE_FILE}'"):
        read_titled_queue(LocalStore(board_folder.folder).snapshot(), {})
