"""The store on servers that answer in other ways than the public Hub."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from huggingface_hub import constants

from evalboard.errors import ConflictError, StoreError
from evalboard.stores.hub import dataset, waiting
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import ABSENT, Delete, Write, blob_id
from tests.hub.faults import Fault
from tests.hub.repository import HubRepo
from tests.hub.server import HFD, KOHAKUHUB, SmallHub

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

PLAIN_REFUSAL = Fault(418)


@pytest.fixture
def repo(hub: SmallHub) -> HubRepo:
    made = hub.create("org/requests")
    made.commit({"a": b"old", "b": b"old"})
    return made


@pytest.mark.parametrize("program", [{}, HFD, KOHAKUHUB], ids=["hub", "hfd", "kohakuhub"])
def test_a_store_is_made_changed_and_read(
    program: Mapping[str, Any], hub: SmallHub, open_hub: Callable[..., HubStore]
) -> None:
    hub.behave_as(program)
    store = open_hub()
    assert not store.snapshot().files
    store.commit([Write("a", b"1", ABSENT), Write("b", b"2", ABSENT)], message="two")
    other = open_hub(machine="two")
    blobs = other.snapshot().blobs(["a", "b", "c"])
    assert blobs == {"a": blob_id(b"1"), "b": blob_id(b"2"), "c": ABSENT}
    other.commit([Write("a", b"3", blobs["a"]), Delete("b", blobs["b"])], message="change")
    with pytest.raises(ConflictError):
        open_hub().commit([Write("a", b"4", blob_id(b"1"))], message="too late")
    assert hub.repo("org/requests").files() == {"a": b"3"}
    assert store.snapshot().read("a") == b"3"


def test_a_stale_parent_that_is_answered_as_an_error_costs_another_try(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.behave_as(HFD)
    hub.faults.before("commit", lambda: repo.commit({"theirs": b"1"}), times=2)
    open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert hub.answers["commit", 500] == 2
    assert repo.files() == {"a": b"mine", "b": b"old", "theirs": b"1"}


def test_a_server_without_single_paths_lists_a_commit_once(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.behave_as(HFD)
    store = open_hub()
    for content in (b"1", b"2"):
        over = store.snapshot().blobs(["a"])["a"]
        store.commit([Write("a", content, over)], message="mine")
    assert hub.calls["tree"] == 3
    assert hub.calls["none"] + hub.calls["paths-info"] == 1


def test_a_change_that_cannot_be_read_back_is_made_all_the_same(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = open_hub()
    over = store.snapshot().blobs(["a"])["a"]
    hub.faults.next("paths-info", PLAIN_REFUSAL)
    assert store.commit([Write("a", b"mine", over)], message="mine") == repo.head
    assert repo.files()["a"] == b"mine"
    assert "could not be read back: The Hub answered 418" in caplog.text
    assert "POST /api/datasets/org/requests/paths-info/" in caplog.text


def test_a_change_on_a_server_without_descriptions_is_known_by_its_answer(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub.behave_as({"describes": False})
    store = open_hub()
    for old, new in ((b"old", b"1"), (b"1", b"2")):
        revision = store.commit([Write("a", new, blob_id(old))], message="claim org/evalboard-x")
        assert revision == repo.head
    assert caplog.text.count("does not keep the descriptions of commits") == 1


def test_a_server_that_neither_compares_nor_describes_is_found_out(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    """Two claims of one request would both hold."""
    hub.behave_as(KOHAKUHUB)
    other = open_hub(machine="two")
    claim = [Write("a", b"theirs", blob_id(b"old"))]
    hub.faults.before("commit", lambda: other.commit(claim, message="claim"))
    with pytest.raises(StoreError, match="without comparing"):
        open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="claim")


def test_equal_bytes_that_somebody_wrote_by_hand_are_not_taken_for_a_change(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    with ThreadPoolExecutor(1) as pool:
        with hub.faults.holding("preupload") as came:
            mine = pool.submit(
                open_hub().commit, [Write("claim", b"the same", ABSENT)], message="mine"
            )
            came.wait()
            repo.commit({"claim": b"the same"})
        with pytest.raises(ConflictError):
            mine.result()


def test_large_files_reach_a_server_without_xet_at_once_and_in_silence(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    hub.behave_as(HFD)
    store = open_hub()
    for content in (b"PAR1" * 1000, b"PAR2" * 1000):
        store.commit([Write("a.parquet", content), Write("a", content[:9])], message="large")
        assert store.snapshot().read("a.parquet") == content
    assert hub.calls["lfs-put"] == 2
    asked_for_tokens = hub.calls["none"]
    assert asked_for_tokens <= 2
    assert "it/s" not in capfd.readouterr().err


def test_a_long_wait_is_told(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(waiting, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(dataset, "READ_PATIENCE_SECONDS", 0.2)
    caplog.set_level(logging.WARNING)
    hub.faults.next("commit", Fault(503))
    open_hub().commit([Write("a", b"mine")], message="mine")
    (told,) = [record.message for record in caplog.records]
    assert "answered 503" in told
    assert "Trying again for up to" in told
