"""What is asked of the Hub to read a store, counted on the Hub's side."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.errors import ConfigError, FileTooLarge, StoreError, StoreUnreachable
from evalboard.stores.hub import dataset as calls
from evalboard.stores.hub.store import HubStore
from evalboard.stores.protocol import Write
from tests.hub.faults import Fault
from tests.hub.repository import HubRepo, entry_of
from tests.hub.server import Quota, SmallHub, Token

FILES = {f"org/model-{number}.json": b'{"number": %d}' % number for number in range(5)}


@pytest.fixture
def repo(hub: SmallHub) -> HubRepo:
    """A repository with five files."""
    made = hub.create("org/requests")
    made.commit(FILES)
    return made


def read_all(store: HubStore) -> dict[str, bytes]:
    snapshot = store.snapshot()
    return {p: c for p, c in snapshot.read_many(snapshot.files) if isinstance(c, bytes)}


def test_an_unchanged_store_costs_one_call(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    assert read_all(store) == FILES
    for again in (store, open_hub()):
        hub.calls.clear()
        assert read_all(again) == FILES
        assert hub.calls == {"info": 1}


def test_a_file_is_fetched_with_one_call_and_only_when_it_changed(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    read_all(store)
    assert hub.calls == {"info": 1, "tree": 1, "resolve": 5}
    repo.commit({"org/model-1.json": b"new", "org/model-2.json": None, "org/model-9.json": b"9"})
    hub.calls.clear()
    found = read_all(open_hub())
    assert "org/model-2.json" not in found
    assert (found["org/model-1.json"], found["org/model-9.json"]) == (b"new", b"9")
    assert (hub.calls["tree"], hub.calls["resolve"]) == (1, 2)


def test_one_path_is_read_without_a_listing(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    snapshot = open_hub().snapshot()
    assert snapshot.read("org/model-3.json") == FILES["org/model-3.json"]
    assert snapshot.blobs(["org/model-3.json"])["org/model-3.json"]
    assert hub.calls == {"info": 1, "paths-info": 1, "resolve": 1}


def test_a_long_listing_is_read_page_by_page(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    many = {f"org/{number:04}.json": b"" for number in range(2500)}
    repo.commit(many)
    assert open_hub().snapshot().files.keys() == many.keys() | FILES.keys()
    assert hub.calls["tree"] == 3


def test_a_snapshot_stays_what_it_was(repo: HubRepo, open_hub: Callable[..., HubStore]) -> None:
    snapshot = open_hub().snapshot()
    repo.commit({path: b"newer" for path in FILES})
    assert snapshot.read("org/model-1.json") == FILES["org/model-1.json"]
    assert dict(snapshot.read_many(FILES)) == FILES


def test_hidden_files_of_the_repository_are_no_content(
    repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    snapshot = open_hub().snapshot()
    assert snapshot.blobs([".gitattributes"]) == {".gitattributes": ""}
    assert ".gitattributes" not in snapshot.files


@pytest.mark.parametrize("damage", ["content", "database", "tree"])
def test_a_broken_cache_is_noticed_and_read_again(
    damage: str, hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore], tmp_path: Path
) -> None:
    read_all(open_hub())
    (database,) = tmp_path.rglob("contents.sqlite")
    if damage == "content":
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE contents SET content = x'00'")
        connection.close()
    elif damage == "database":
        database.write_bytes(b"no database" * 1000)
        with pytest.raises(StoreError, match="was corrupt"):
            read_all(open_hub())
    else:
        (database.parent / "tree.json").write_text("{", encoding="utf-8")
    assert read_all(open_hub()) == FILES


def test_a_content_that_is_not_what_was_listed_is_refused(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    snapshot = open_hub().snapshot()
    assert snapshot.files
    numbers, entries = repo._files["org/model-1.json"]
    entries[0] = entry_of(b"something else")
    with pytest.raises(StoreUnreachable, match="with other content"):
        snapshot.read("org/model-1.json")


def test_large_files_are_read_and_checked_by_their_own_hash(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    repo.apply({"a.parquet": entry_of(b"PAR1" * 9, large=True)}, "large")
    for _ in range(2):
        assert open_hub().snapshot().read("a.parquet") == b"PAR1" * 9
    assert hub.calls["resolve"] == 1


def test_what_is_too_large_is_not_downloaded(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    repo.commit({"huge.json": b" " * 2000})
    snapshot = open_hub().snapshot()
    with pytest.raises(FileTooLarge, match="2000 bytes"):
        snapshot.read("huge.json", at_most=1999)
    found = dict(snapshot.read_many(["huge.json", "org/model-1.json"], at_most=100))
    assert isinstance(found["huge.json"], FileTooLarge)
    assert found["org/model-1.json"] == FILES["org/model-1.json"]
    assert hub.calls["resolve"] == 1
    assert snapshot.read("huge.json", at_most=2000) == b" " * 2000


def test_a_first_look_that_is_interrupted_goes_on_where_it_was(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    many = {f"org/{number:04}.json": b"%d" % number for number in range(1500)}
    repo.commit(many)
    snapshot = open_hub().snapshot()
    reading = snapshot.read_many(sorted(many))
    for _ in range(600):
        next(reading)
    hub.faults.next("resolve", Fault(403), times=1500)
    with pytest.raises(ConfigError):
        list(reading)
    hub.faults.clear()
    before = hub.answers["resolve", 200]
    assert 1000 <= before < 1500
    assert dict(open_hub().snapshot().read_many(sorted(many))) == many
    assert hub.answers["resolve", 200] == 1500


def test_the_hubs_rate_limit_is_kept_rather_than_met(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    many = {f"org/{number:04}.json": b"%d" % number for number in range(50)}
    repo.commit(many)
    hub.quotas["resolve"] = Quota(40, 1.0)
    assert dict(open_hub().snapshot().read_many(sorted(many))) == many
    assert hub.answers["resolve", 429] == 0


@pytest.mark.parametrize("kind", ["info", "tree", "paths-info", "resolve"])
@pytest.mark.parametrize(
    "fault",
    [Fault(429, {"Retry-After": "0"}), Fault(500), Fault(503), Fault(drop=True)],
    ids=["busy", "error", "down", "dropped"],
)
def test_reads_are_tried_again(
    fault: Fault, kind: str, hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.faults.next(kind, fault, times=2)
    assert open_hub().snapshot().read("org/model-1.json") == FILES["org/model-1.json"]
    assert read_all(open_hub()) == FILES
    assert hub.faults.made[kind] == 2


def test_what_the_hub_asks_to_wait_is_waited(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(calls.Patience, "grant", lambda _, seconds, reason: slept.append(seconds))
    hub.faults.next("info", Fault(429, {"ratelimit": '"api";r=0;t=250'}))
    open_hub().snapshot()
    assert 190 < slept[0] <= 251


def test_a_hub_that_does_not_answer_is_unreachable(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "READ_PATIENCE_SECONDS", 0.1)
    hub.faults.next("info", Fault(503), times=100)
    with pytest.raises(StoreUnreachable, match="503"):
        open_hub().snapshot()


def test_an_absent_repository_is_an_empty_store(
    hub: SmallHub, open_hub: Callable[..., HubStore]
) -> None:
    snapshot = open_hub().snapshot()
    assert dict(snapshot.files) == {}
    assert snapshot.blobs(["a"]) == {"a": ""}
    assert hub.repos == {}


def test_a_store_says_why_it_is_absent(hub: SmallHub, open_hub: Callable[..., HubStore]) -> None:
    store = open_hub()
    assert "has no dataset 'hf://datasets/org/requests'" in store.why_absent()
    hub.create("org/requests")
    assert store.why_absent() == open_hub().why_absent() == ""


def test_a_repository_that_was_there_is_never_taken_for_empty(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    open_hub().snapshot()
    hub.repos.clear()
    with pytest.raises(StoreError, match="has disappeared"):
        open_hub().snapshot()


def test_whoever_may_not_see_it_is_told_what_to_do(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    with pytest.raises(ConfigError, match="HF_TOKEN"):
        open_hub(token=None).snapshot()
    with pytest.raises(ConfigError, match="token"):
        open_hub(token="mistyped").snapshot()
    repo.private = False
    assert read_all(open_hub(token=None)) == FILES


def test_a_head_that_the_hub_has_forgotten_is_remembered(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    store.snapshot()
    before = repo.head
    newest = store.commit([Write("mine", b"")], message="mine")
    hub.faults.next("info", Fault(stale=True), times=3)
    for reader in (store, open_hub(), open_hub()):
        assert reader.snapshot().revision == newest != before
    theirs = repo.commit({"theirs": b""})
    assert open_hub().snapshot().revision == theirs


def test_an_old_head_that_this_machine_never_saw_is_known_by_the_history(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    store = open_hub()
    store.snapshot()
    for number in range(3):
        repo.commit({"theirs": b"%d" % number})
    newest = repo.head
    assert store.snapshot().revision == newest
    hub.faults.next("info", Fault(stale=True))
    assert open_hub().snapshot().revision == newest


def test_a_token_that_may_only_read_reads(
    hub: SmallHub, repo: HubRepo, open_hub: Callable[..., HubStore]
) -> None:
    hub.tokens["reader"] = Token("somebody", ("org",), write=False)
    assert read_all(open_hub(token="reader")) == FILES
