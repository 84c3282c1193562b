from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import StoreError
from evalboard.records.table import QueueEntry
from evalboard.settings import Settings
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from leaderboard_app.provenance import (
    describe_document,
    find_answers,
    read_documents,
    read_requests,
)
from leaderboard_app.stored_files import FolderFiles, HostedFiles, open_files
from tests.leaderboard_app.answered import (
    SUITE,
    entry_of,
    write_answers,
    write_document,
    write_request,
)


@pytest.fixture
def row(make_row: Callable[..., Any]) -> dict[str, Any]:
    return make_row("org/m", 0.5)


def test_reads_a_rows_documents_newest_first_and_no_others(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    write_document(tmp_path, row, {"old": {}}, finished_time="2026-11-19T00:00:00Z")
    write_document(tmp_path, row, {"new": {}}, finished_time="2026-11-20T00:00:00Z")
    chat = row | {"use_chat_template": True}
    write_document(tmp_path, chat, {"chat": {}})
    write_document(tmp_path, row | {"precision": "bfloat16x"}, {"other": {}})
    broken = write_document(tmp_path, row, {"x": {}}, finished_time="2026-11-21T00:00:00Z")
    broken.write_text("{")
    found = read_documents(FolderFiles(tmp_path), row, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["new"], ["old"]]
    found = read_documents(FolderFiles(tmp_path), chat, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["chat"]]


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
    files = FolderFiles(tmp_path)
    assert len(read_documents(files, adapter, SUITE)) == 1
    found = find_answers(files, adapter, SUITE, "medmcqa")
    assert found == moved.relative_to(tmp_path).as_posix()
    assert find_answers(files, adapter, SUITE, "pubmedqa") is None


def test_a_store_that_lists_slowly_is_asked_for_the_newest_by_name(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    class Slow(FolderFiles):
        lists_quickly = False

        def under(self, folder: str) -> list[str]:
            raise AssertionError(folder)

    write_document(tmp_path, row, {"old": {}}, finished_time="2026-11-19T00:00:00Z")
    write_document(tmp_path, row, {"new": {}})
    found = read_documents(Slow(tmp_path), row, SUITE)
    assert [list(stored.document.configs) for stored in found] == [["new"]]


def test_describes_versions_hashes_machine_time_and_command(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    write_document(tmp_path, row, {"medmcqa": {}})
    (stored,) = read_documents(FolderFiles(tmp_path), row, SUITE)
    told = describe_document(stored)
    assert told["command"].startswith("evalboard evaluate org/m")
    assert told["tasks"]["medmcqa"] == {"version": "1.0", "hash": "hash-of-medmcqa", "fewshot": 0}
    assert told["machine"]["cpu"] == "a processor"
    assert told["backend_version"] == "0.32.0"
    assert told["seconds"]["total"] == 65.0
    assert told["seconds"]["overhead"] == pytest.approx(2.0)


def test_tells_every_change_of_a_request(tmp_path: Path, row: dict[str, Any]) -> None:
    path = write_request(tmp_path, row)
    others = [{"model": "other/m"}, {"sha8": "00000000"}, {"precision": "4bit"}]
    entries = [
        QueueEntry.model_validate(entry_of(row, path) | changes) for changes in ({}, *others)
    ]
    (told,) = read_requests(FolderFiles(tmp_path), entries, row)
    assert [change["status"] for change in told["history"]] == ["PENDING", "FAILED", "FINISHED"]
    assert told["history"][1]["reason"] == "The GPU was full."
    assert told["failure"]["log_tail"] == "last line"
    assert read_requests(FolderFiles(tmp_path), entries, row | {"use_chat_template": True}) == []


def test_without_the_requests_store_a_request_is_what_the_queue_says(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    entry = QueueEntry.model_validate(entry_of(row, "gone.json"))
    (told,) = read_requests(FolderFiles(tmp_path), [entry], row)
    assert (told["reason"], told["history"]) == ("as the queue has it", [])


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "a/../../secret", ".hidden", ""])
def test_nothing_outside_the_store_is_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / ".hidden").write_text("x")
    files = FolderFiles(tmp_path / "store")
    assert files.stamp(path) is None
    assert files.under(path) == []
    with pytest.raises(StoreError):
        files.read(path)


def test_opens_a_folder_without_asking_the_hub(settings: Settings) -> None:
    assert isinstance(open_files(settings.store_address("results"), settings), FolderFiles)


def test_files_of_a_hosted_store_are_those_of_its_newest_state(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("a/b/x.json", b"1"), Write("ab/y.json", b"2")], message="test")
    files = HostedFiles(store, max_age_seconds=0)
    assert not files.lists_quickly
    assert files.under("a") == ["a/b/x.json"]
    before = files.stamp("a/b/x.json")
    assert files.read("a/b/x.json") == b"1"
    store.commit([Write("a/b/x.json", b"3")], message="test")
    assert files.read("a/b/x.json") == b"3"
    assert files.stamp("a/b/x.json") not in (None, before)
    assert files.stamp("a/b/gone.json") is None


def test_a_hosted_store_is_not_looked_at_for_every_file(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.commit([Write("x", b"1")], message="test")
    files = HostedFiles(store, max_age_seconds=3600)
    assert files.stamp("x")
    store.commit([Write("y", b"2")], message="test")
    assert files.stamp("y") is None
