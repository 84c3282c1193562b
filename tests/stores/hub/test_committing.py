"""Commits through everything that a Hub does to them."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from evalboard.errors import ConfigError, ConflictError, StoreError, StoreUnreachable
from evalboard.stores.hub import budget, waiting
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import ABSENT, Delete, Write, blob_id
from tests.hub.faults import BUSY, Fault
from tests.hub.repository import HubRepo
from tests.hub.server import SmallHub, Token

# The client's own way of sending large files, which httpx2 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning")

LOST_ANSWERS = [Fault(500, late=True), Fault(drop=True, late=True)]


@pytest.fixture
def repo(hub: SmallHub) -> HubRepo:
    made = hub.create("org/requests")
    made.commit({"a": b"old", "b": b"old"})
    return made


class SkippingClock:
    """Clock and sleep in one: what is slept has passed at once."""

    def __init__(self) -> None:
        self._slept = 0.0

    def time(self) -> float:
        return time.time() + self._slept

    def monotonic(self) -> float:
        return time.monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds


def commits(repo: HubRepo) -> int:
    """Return how many commits were made after the two of the fixture."""
    return len(repo.history) - 2


def test_the_first_commit_makes_a_private_repository(
    hub: SmallHub, open_hub: Callable[..., HubStore]
) -> None:
    open_hub().commit([Write("a", b"1"), Write("b", b"2")], message="two files")
    repo = hub.repo("org/requests")
    assert repo.private
    assert repo.files() == {"a": b"1", "b": b"2"}
    assert [commit.title for commit in repo.history] == ["initial commit", "two files"]


def test_many_changes_are_one_commit(repo: HubRepo, open_hub: Callable[..., HubStore]) -> None:
    writes = [Write(f"org/{number}", b"%d" % number) for number in range(300)]
    open_hub().commit([*writes, Delete("a"), Delete("never")], message="many")
    assert commits(repo) == 1
    assert len(repo.files()) == 301


def test_what_changes_nothing_is_no_commit(
    repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    assert store.commit([Write("a", b"old"), Delete("never")], message="") == repo.head
    assert commits(repo) == 0


def test_a_commit_of_somebody_else_in_between_costs_another_try_only(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.before("commit", lambda: repo.commit({"theirs": b"1"}), times=3)
    store = open_hub()
    store.commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert repo.files() == {"a": b"mine", "b": b"old", "theirs": b"1"}
    assert hub.answers["commit", 412] == 3


def test_a_change_on_what_was_just_read_asks_nothing_twice(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    over = store.snapshot().blobs(["a"])["a"]
    store.commit([Write("a", b"mine", over)], message="mine")
    asked_before = {"info": 1, "paths-info": 1}
    read_back = {"commits": 1, "paths-info": 1}
    assert hub.calls == Counter(asked_before) + Counter(read_back) + Counter(preupload=1, commit=1)


def test_what_was_there_a_moment_ago_is_written_where_somebody_replaced_it(
    repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    assert store.snapshot().read("a") == b"old"
    repo.commit({"a": b"theirs"})
    store.commit([Write("a", b"old")], message="mine")
    assert repo.files()["a"] == b"old"


@pytest.mark.parametrize("over", [ABSENT, blob_id(b"another")])
def test_a_file_that_is_not_what_was_expected_is_a_conflict(
    over: str, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    for operation in (Write("a", b"mine", over), Delete("a", over)):
        with pytest.raises(ConflictError, match="'a'"):
            open_hub().commit([Write("c", b""), operation], message="mine")
    assert commits(repo) == 0


def test_a_file_that_changes_just_before_the_commit_is_a_conflict(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.before("commit", lambda: repo.commit({"a": b"theirs"}))
    with pytest.raises(ConflictError):
        open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert repo.files()["a"] == b"theirs"


def test_a_store_that_moves_just_before_the_commit_is_a_conflict_with_its_parent(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.before("commit", lambda: repo.commit({"theirs": b"1"}))
    store = open_hub()
    parent = store.snapshot().revision
    with pytest.raises(ConflictError, match="moved from"):
        store.commit([Write("a", b"mine")], message="mine", parent=parent)
    assert "a" in repo.files()
    assert repo.files()["a"] == b"old"


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=["error", "dropped"])
def test_a_commit_whose_answer_is_lost_is_found_and_not_made_twice(
    fault: Fault, hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.next("commit", fault)
    store = open_hub()
    revision = store.commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert (commits(repo), revision) == (1, repo.head)
    assert store.snapshot().read("a") == b"mine"


def test_a_lost_answer_is_found_behind_commits_of_others(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    apply, overtaken = repo.apply, []

    def overtake(*arguments: Any, **keywords: Any) -> str:
        sha = apply(*arguments, **keywords)
        if not overtaken:
            overtaken.append(sha)
            for number in range(120):
                repo.commit({"a": b"theirs %d" % number})
        return sha

    monkeypatch.setattr(repo, "apply", overtake)
    hub.faults.next("commit", Fault(drop=True, late=True))
    revision = open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert [revision] == overtaken
    assert (commits(repo), repo.files()["a"]) == (121, b"theirs 119")


def test_equal_bytes_of_two_machines_are_one_winner(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    """The client makes no commit then, and takes the other's for its own."""
    same = [Write("claim", b"the same", ABSENT)]
    other = open_hub(machine="two")
    with ThreadPoolExecutor(1) as pool:
        with hub.faults.holding("preupload") as came:
            slow = pool.submit(open_hub().commit, same, message="slow")
            came.wait()
            other.commit(same, message="fast")
        with pytest.raises(ConflictError):
            slow.result()
    assert commits(repo) == 1


@pytest.mark.parametrize(
    "fault",
    [BUSY, Fault(409), Fault(500), Fault(503), Fault(drop=True)],
    ids=["busy", "locked", "error", "down", "dropped"],
)
def test_a_commit_that_was_not_made_is_made_again(
    fault: Fault, hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.next("commit", fault, times=3)
    open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    assert (commits(repo), repo.files()["a"]) == (1, b"mine")


def test_a_head_that_lags_behind_costs_time_only(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    store.snapshot()
    repo.commit({"theirs": b"1"})
    hub.faults.next("info", Fault(stale=True), times=4)
    store.commit([Write("a", b"mine", blob_id(b"old"))], message="mine")
    store.commit([Write("a", b"again", blob_id(b"mine"))], message="mine")
    assert repo.files() == {"a": b"again", "b": b"old", "theirs": b"1"}


def test_what_the_hub_asks_to_wait_holds_for_all_commits(
    hub: SmallHub,
    repo: HubRepo,
    open_hub: Callable[..., HubStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = SkippingClock()
    for module in (budget, waiting):
        monkeypatch.setattr(module, "time", clock)
    hub.faults.next("commit", Fault(429, {"Retry-After": "120"}))
    store = open_hub(patience=100.0)
    began = clock.monotonic()
    store.commit([Write("a", b"mine")], message="waits longer than its patience")
    assert clock.monotonic() - began >= 120
    assert hub.calls["commit"] == 2
    assert repo.files()["a"] == b"mine"


def test_a_change_that_gets_no_answer_in_time_is_not_made_later(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.next("commit", Fault(503), times=50)
    with pytest.raises(StoreUnreachable, match="503"):
        open_hub(patience=0.3).commit([Write("a", b"mine")], message="mine")
    hub.faults.clear()
    open_hub().commit([Write("b", b"next")], message="next")
    assert open_hub().snapshot().read("b") == b"next"
    assert repo.files() == {"a": b"old", "b": b"next"}


def test_a_token_that_may_not_write_is_said_so(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.tokens["reader"] = Token("somebody", ("org",), write=False)
    with pytest.raises(ConfigError, match="write access"):
        open_hub(token="reader").commit([Write("a", b"mine")], message="mine")
    assert commits(repo) == 0
    open_hub().commit([Write("b", b"next")], message="next")
    assert repo.files() == {"a": b"old", "b": b"next"}


def test_a_repository_that_may_not_be_made_is_said_so(
    hub: SmallHub, open_hub: Callable[..., HubStore]
) -> None:
    hub.tokens["stranger"] = Token("stranger")
    with pytest.raises(ConfigError, match="write access"):
        open_hub(token="stranger").commit([Write("a", b"mine")], message="mine")
    assert hub.repos == {}


def test_large_files_go_the_clients_way_and_are_never_sent_twice(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    large = Write("details/a.parquet", b"PAR1" * 1000)
    store.commit([large, Write("a", b"mine")], message="large")
    assert store.snapshot().read("details/a.parquet") == b"PAR1" * 1000
    assert hub.calls["lfs-put"] == 1
    there = store.snapshot().blobs(["details/a.parquet"])["details/a.parquet"]
    assert there != blob_id(large.content)
    assert store.commit([large], message="the same") == repo.head
    store.commit([Write("details/a.parquet", b"PAR2", there)], message="another")
    assert commits(repo) == 2


@pytest.mark.parametrize("kind", ["preupload", "lfs-batch", "lfs-put"])
def test_a_large_file_that_does_not_get_through_is_sent_again(
    kind: str, hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.next(kind, Fault(409))
    open_hub().commit([Write("a.parquet", b"PAR1")], message="large")
    assert (commits(repo), repo.files()["a.parquet"]) == (1, b"PAR1")


def test_a_server_that_does_not_compare_is_found_out(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.compares = False
    hub.faults.before("commit", lambda: repo.commit({"a": b"theirs"}))
    with pytest.raises(StoreError, match="without comparing"):
        open_hub().commit([Write("a", b"mine", blob_id(b"old"))], message="mine")


def test_many_writers_on_machines_of_their_own_all_get_through(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    def write(number: int) -> str:
        store = open_hub(machine=f"machine {number}", patience=120.0)
        return store.commit([Write(f"new/{number}", b"1", ABSENT)], message=f"{number}")

    with ThreadPoolExecutor(24) as pool:
        revisions = list(pool.map(write, range(24)))
    assert len(set(revisions)) == 24
    assert {path for path in repo.files() if path.startswith("new/")} == {
        f"new/{number}" for number in range(24)
    }
