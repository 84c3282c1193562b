from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.board_files import QueueEntry
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from leaderboard_app.provenance import (
    describe_document,
    find_answers,
    read_documents,
    read_requests,
)
from leaderboard_app.recent_snapshots import RecentSnapshots
from tests.leaderboard_app.answered import (
    SUITE,
    entry_of,
    write_answers,
    write_document,
    write_request,
)


def snapshots(folder: Path) -> RecentSnapshots:
    return RecentSnapshots(LocalStore(folder))


@pytest.fixture
def row(make_row: Callable[..., Any]) -> dict[str, Any]:
    return make_row("org/m", 0.5)


def test_reads_a_rows_documents_newest_first_and_no_others(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    write_document(tmp_path, row, {"old": {}}, finished_time="2026-11-19T00:00:00Z")
    write_document(tmp_path, row, {"new": {}}, finished_time="2026-11-20T00:00:00Z")
    chat = row | {"use_chat_template": True}
    thinking = chat | {"enable_thinking": True}
    write_document(tmp_path, chat, {"chat": {}})
    write_document(tmp_path, thinking, {"thinking": {}})
    write_document(tmp_path, row | {"precision": "bfloat16x"}, {"other": {}})
    broken = write_document(tmp_path, row, {"x": {}}, finished_time="2026-11-21T00:00:00Z")
    broken.write_text("{")
    found = read_documents(snapshots(tmp_path), row, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["new"], ["old"]]
    found = read_documents(snapshots(tmp_path), chat, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["chat"]]
    found = read_documents(snapshots(tmp_path), thinking, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["thinking"]]


@pytest.mark.parametrize("lists_quickly", [True, False])
def test_a_renamed_model_has_what_is_stored_under_its_old_name(
    tmp_path: Path, row: dict[str, Any], lists_quickly: bool
) -> None:
    files = snapshots(tmp_path)
    files.lists_quickly = lists_quickly
    write_document(tmp_path, row, {"medmcqa": {}})
    answers = write_answers(tmp_path, row, "medmcqa", [True])
    renamed = row | {"model": "org/new", "former_names": ["org/m"]}
    assert len(read_documents(files, renamed, SUITE)) == 1
    found = find_answers(files, renamed, SUITE, "medmcqa")
    assert found == answers.relative_to(tmp_path).as_posix()
    request = QueueEntry.model_validate(entry_of(row, "gone.json"))
    assert len(read_requests(files, [request], renamed, SUITE)) == 1


def test_finds_documents_and_answers_of_an_adapter(tmp_path: Path, row: dict[str, Any]) -> None:
    adapter = row | {"weight_type": "Adapter"}
    document = write_document(
        tmp_path, adapter, {"medmcqa": {}}, config={"base_revision": "0123abcd" * 5}
    )
    assert document.parent.parent.name == "bfloat16_Adapter_0123abcd"
    answers = write_answers(tmp_path, adapter, "medmcqa", [True])
    moved = tmp_path / "details" / document.parent.relative_to(tmp_path) / answers.name
    moved.parent.mkdir(parents=True)
    answers.rename(moved)
    files = snapshots(tmp_path)
    assert len(read_documents(files, adapter, SUITE)) == 1
    found = find_answers(files, adapter, SUITE, "medmcqa")
    assert found == moved.relative_to(tmp_path).as_posix()
    assert find_answers(files, adapter, SUITE, "pubmedqa") is None


def test_a_store_that_lists_slowly_is_asked_for_the_newest_by_name(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    slow = snapshots(tmp_path)
    slow.lists_quickly = False
    write_document(tmp_path, row, {"old": {}}, finished_time="2026-11-19T00:00:00Z")
    write_document(tmp_path, row, {"new": {}})
    found = read_documents(slow, row, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["new"]]


def test_describes_versions_hashes_machine_time_and_command(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    write_document(tmp_path, row, {"medmcqa": {}})
    (stored,) = read_documents(snapshots(tmp_path), row, SUITE)
    told = describe_document(stored)
    assert told["command"].startswith("evalboard evaluate org/m")
    assert told["tasks"]["medmcqa"] == {"version": "1.0", "hash": "hash-of-medmcqa", "fewshot": 0}
    assert told["machine"]["cpu"] == "a processor"
    assert told["backend_version"] == "0.32.0"
    assert told["seconds"]["total"] == 65.0
    assert told["seconds"]["overhead"] == pytest.approx(2.0)


def test_tells_every_change_of_a_request(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write_request(tmp_path, row)
    others = [
        {"model": "other/m"},
        {"sha8": "00000000"},
        {"precision": "4bit"},
        {"suite": "open-medical-cot"},
    ]
    entries = [
        QueueEntry.model_validate(entry_of(row, path) | changes) for changes in ({}, *others)
    ]
    (told,) = read_requests(snapshots(tmp_path), entries, row, SUITE)
    assert [change["status"] for change in told["history"]] == ["PENDING", "FAILED", "FINISHED"]
    assert told["history"][1]["reason"] == "The GPU was full."
    assert told["failure"]["log_tail"] == "last line"
    for way in ("use_chat_template", "enable_thinking"):
        assert read_requests(snapshots(tmp_path), entries, row | {way: True}, SUITE) == []


def test_without_the_requests_store_a_request_is_what_the_queue_says(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    entry = QueueEntry.model_validate(entry_of(row, "gone.json"))
    (told,) = read_requests(snapshots(tmp_path), [entry], row, SUITE)
    assert (told["reason"], told["history"]) == ("as the queue has it", [])


def test_a_hosted_store_is_not_looked_at_for_every_file(tmp_path: Path) -> None:
    class Hosted(LocalStore):
        @property
        def address(self) -> str:
            return "hf://datasets/org/results"

    store = Hosted(tmp_path)
    store.commit([Write("a/x", b"1")], message="test")
    lasting = RecentSnapshots(store, max_age_seconds=3600)
    passing = RecentSnapshots(store, max_age_seconds=0)
    assert not lasting.lists_quickly
    before = lasting.snapshot("a")
    store.commit([Write("a/y", b"2")], message="test")
    assert lasting.snapshot("b") is before
    assert set(passing.snapshot("a").files) == {"a/x", "a/y"}


def test_a_store_in_a_folder_is_always_as_it_is_now(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    recent = RecentSnapshots(store)
    assert recent.lists_quickly
    store.commit([Write("a/b/x", b"1"), Write("ab/y", b"2")], message="test")
    assert set(recent.snapshot("a").files) == {"a/b/x"}
    store.commit([Write("a/z", b"3")], message="test")
    assert set(recent.snapshot("a").files) == {"a/b/x", "a/z"}
