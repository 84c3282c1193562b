import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.errors import FileTooLarge, LifecycleError, RecordError, StoreError
from evalboard.identity import request_identity
from evalboard.lifecycle import move
from evalboard.records.request import (
    LARGEST_FILE,
    BoardBlock,
    HistoryEntry,
    RequestFile,
    RequestRecord,
    Status,
)
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Store, Write
from evalboard.stores.requests import DuplicateRequest, RequestQueue, sign
from tests.signing import known_keys

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
KEY = known_keys().obtain()
SHA = "0123456789abcdef0123456789abcdef01234567"
PATH = "org/model_eval_request_False_float16_Original_01234567.json"


def submission(*, suite: str = "demo", **fields: Any) -> RequestRecord:
    known = {"model": "org/model", "revision": SHA, "evalboard": BoardBlock(suite=suite)}
    return RequestRecord.model_validate(known | fields)


@pytest.fixture
def queue(store: Store) -> RequestQueue:
    return RequestQueue(store, known_keys())


@pytest.fixture
def move_to(queue: RequestQueue) -> Callable[..., RequestRecord]:
    """Move the one request through statuses."""

    def do(*statuses: Status, path: str = PATH) -> RequestRecord:
        for status in statuses:
            queue.change(
                path,
                lambda record, status=status: move(record, status, now=NOW, reason="test"),
                message=status,
            )
        return queue.get(path)

    return do


class Interrupted(LocalStore):
    """A store where somebody else writes just after each of the first snapshots."""

    def __init__(self, root: Path, others: list[Write]) -> None:
        super().__init__(root)
        self._others = others
        self._colleague = LocalStore(root)

    def snapshot(self, under: str = "") -> Any:
        snapshot = super().snapshot(under)
        if self._others:
            self._colleague.commit([self._others.pop(0)], message="somebody else")
        return snapshot


def test_an_added_request_is_found_by_its_path(queue: RequestQueue) -> None:
    record = submission(sender="a lab", params=7.0)
    assert queue.add(record) == PATH
    assert queue.get(PATH) == record
    (entry,) = queue.entries()
    assert entry[:4] == (PATH, record, "", True)
    assert queue.find(request_identity(record)) == entry == queue.entry(PATH)


@pytest.mark.parametrize(
    "statuses",
    [
        (),
        (Status.RUNNING,),
        (Status.RUNNING, Status.FINISHED),
        (Status.RUNNING, Status.FAILED),
    ],
)
def test_the_same_submission_is_taken_once(
    statuses: tuple[Status, ...], queue: RequestQueue, move_to: Callable[..., RequestRecord]
) -> None:
    queue.add(submission())
    before = move_to(*statuses)
    with pytest.raises(DuplicateRequest, match=before.status) as caught:
        queue.add(submission(sender="somebody else"))
    assert PATH in caught.value.message
    assert queue.get(PATH) == before


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_what_was_rejected_or_cancelled_is_replaced_and_its_history_kept(
    status: Status, queue: RequestQueue, move_to: Callable[..., RequestRecord]
) -> None:
    queue.add(submission())
    former = move_to(status)
    queue.change(
        PATH,
        lambda r: r.model_copy(
            update={"evalboard": r.evalboard.model_copy(update={"attempts": 2})}
        ),
        message="as after two attempts",
    )
    entry = HistoryEntry(status=Status.PENDING, time="2026-11-22T10:00:00Z", reason="again")
    again = submission(sender="new", evalboard=BoardBlock(suite="demo", history=(entry,)))
    assert queue.add(again) == PATH
    record = queue.get(PATH)
    assert (record.status, record.sender) == (Status.PENDING, "new")
    assert record.evalboard.attempts == 2
    assert record.evalboard.history == (*former.evalboard.history, entry)


@pytest.mark.parametrize(
    "other",
    [
        {"suite": "open-medical"},
        {"revision": SHA[:8] + "f" * 32},
    ],
)
def test_requests_that_share_a_path_do_not_replace_each_other(
    other: dict[str, Any], queue: RequestQueue
) -> None:
    first, second = submission(), submission(**other)
    assert first.path == second.path
    paths = [queue.add(first), queue.add(second)]
    assert paths == [PATH, PATH.replace(".json", "-2.json")]
    assert [queue.get(path) for path in paths] == [first, second]
    with pytest.raises(DuplicateRequest):
        queue.add(second)


def test_a_file_that_cannot_be_read_is_not_replaced(queue: RequestQueue, store: Store) -> None:
    store.commit([Write(PATH, b"{")], message="by hand")
    path = queue.add(submission())
    assert path != PATH
    assert store.snapshot().read(PATH) == b"{"
    assert queue.get(path) == submission()


def test_a_request_of_another_board_is_the_same_submission(
    queue: RequestQueue, store: Store
) -> None:
    theirs = submission().model_dump(mode="json") | {"likes": 3}
    path = "org/model_eval_request_False_float16_Original.json"
    store.commit([Write(path, json.dumps(theirs).encode())], message="theirs")
    with pytest.raises(DuplicateRequest, match=path):
        queue.add(submission())


def test_unreadable_files_are_listed_with_what_is_wrong(queue: RequestQueue, store: Store) -> None:
    queue.add(submission())
    bad = {
        "a/corrupt.json": b'{"model": "a/b"',
        "a/empty.json": b"",
        "a/list.json": b"[]",
        "a/status.json": b'{"model": "a/b", "status": "MAYBE"}',
        "a/binary.json": b"\xff\xfe",
        "a/claim.json": b'{"model": "a/b", "evalboard": {"claimed_by": {"pid": "one"}}}',
    }
    writes = [Write(path, content) for path, content in bad.items()]
    store.commit([*writes, Write("README.md", b"# Requests")], message="by hand")
    entries = queue.entries()
    assert [e.path for e in entries] == [*sorted(bad), PATH]
    unreadable = [e for e in entries if e.record is None]
    assert {e.path for e in unreadable} == set(bad)
    assert all(e.path in e.problem and "Correct the file" in e.problem for e in unreadable)
    with pytest.raises(RecordError, match=r"a/status\.json.*status"):
        queue.get("a/status.json")


def test_a_path_without_a_request_is_an_error(queue: RequestQueue) -> None:
    with pytest.raises(StoreError, match=r"'no\.json'"):
        queue.get("no.json")
    with pytest.raises(StoreError, match=r"'no\.json'"):
        queue.change("no.json", lambda record: record, message="nothing")


def test_a_change_that_meets_a_conflict_is_decided_on_the_newer_record(
    queue: RequestQueue, open_again: Callable[[], Store]
) -> None:
    queue.add(submission())
    colleague = RequestQueue(open_again(), known_keys())
    seen: list[str] = []

    def decide(record: RequestRecord) -> RequestRecord:
        seen.append(record.sender)
        if len(seen) == 1:
            colleague.change(
                PATH, lambda r: r.model_copy(update={"sender": "colleague"}), message="first"
            )
        return record.model_copy(update={"params": 7.0})

    changed = queue.change(PATH, decide, message="second")
    assert seen == ["", "colleague"]
    assert (changed.sender, changed.params) == ("colleague", 7.0)
    assert queue.get(PATH) == changed


def test_of_two_claims_the_second_sees_the_first(
    queue: RequestQueue, open_again: Callable[[], Store]
) -> None:
    queue.add(submission())
    colleague = RequestQueue(open_again(), known_keys())

    def decide(record: RequestRecord) -> RequestRecord:
        if record.status is Status.PENDING:
            colleague.change(
                PATH, lambda r: move(r, Status.RUNNING, now=NOW, reason="theirs"), message="claim"
            )
        return move(record, Status.RUNNING, now=NOW, reason="mine")

    with pytest.raises(LifecycleError):
        queue.change(PATH, decide, message="claim")
    assert [entry.reason for entry in queue.get(PATH).evalboard.history] == ["theirs"]


def test_a_change_of_another_request_does_not_get_in_the_way(
    queue: RequestQueue, open_again: Callable[[], Store]
) -> None:
    queue.add(submission())
    colleague = RequestQueue(open_again(), known_keys())
    asked: list[str] = []

    def decide(record: RequestRecord) -> RequestRecord:
        asked.append(record.sender)
        colleague.add(submission(model="org/other"))
        return record.model_copy(update={"params": 7.0})

    assert queue.change(PATH, decide, message="one").params == 7.0
    assert asked == [""]
    assert len(queue.entries()) == 2


def test_many_changes_are_one_commit_and_a_refusal_concerns_its_own_request_alone(
    queue: RequestQueue, store: Store
) -> None:
    paths = [queue.add(submission(model=f"org/model-{number}")) for number in range(5)]
    store.commit([Write("broken.json", b"{")], message="by hand")
    before = queue.get(paths[1])

    def start(record: RequestRecord) -> RequestRecord:
        if record.model == "org/model-1":
            raise LifecycleError("Not this one.")
        return move(record, Status.RUNNING, now=NOW, reason="test")

    decisions = dict.fromkeys([*paths, "broken.json", "absent.json"], start)
    outcome = queue.change_many(decisions, message="start")
    assert outcome.keys() == decisions.keys()
    assert {p: type(error) for p, error in outcome.items() if isinstance(error, Exception)} == {
        paths[1]: LifecycleError,
        "broken.json": RecordError,
        "absent.json": StoreError,
    }
    for path in (paths[0], *paths[2:]):
        assert queue.get(path) == outcome[path]
        assert queue.get(path).status is Status.RUNNING
    assert queue.get(paths[1]) == before


def test_of_many_changes_only_what_somebody_else_changed_is_decided_anew(
    queue: RequestQueue, open_again: Callable[[], Store]
) -> None:
    paths = [queue.add(submission(model=f"org/model-{number}")) for number in range(3)]
    colleague = RequestQueue(open_again(), known_keys())
    asked: list[tuple[str, str]] = []

    def decide(record: RequestRecord) -> RequestRecord:
        asked.append((record.model, record.sender))
        if len(asked) == 3:
            colleague.change(
                paths[1], lambda r: r.model_copy(update={"sender": "colleague"}), message="first"
            )
        return record.model_copy(update={"params": 7.0})

    queue.change_many(dict.fromkeys(paths, decide), message="second")
    assert asked == [*((f"org/model-{n}", "") for n in range(3)), ("org/model-1", "colleague")]
    assert [queue.get(path).params for path in paths] == [7.0] * 3
    assert queue.get(paths[1]).sender == "colleague"


def test_a_huge_file_is_set_aside_unread(queue: RequestQueue, store: Store) -> None:
    path = queue.add(submission())
    huge = b'{"model": "org/model", "note": "' + b"x" * LARGEST_FILE + b'"}'
    store.commit([Write("org/huge.json", huge)], message="by hand")
    by_path = {entry.path: entry for entry in queue.entries()}
    assert by_path[path].record == submission()
    assert by_path["org/huge.json"].record is None
    assert "at most" in by_path["org/huge.json"].problem
    with pytest.raises(FileTooLarge):
        queue.get("org/huge.json")


def test_a_decision_to_change_nothing_makes_no_commit(queue: RequestQueue, store: Store) -> None:
    queue.add(submission())
    before = store.snapshot().revision
    assert queue.change(PATH, lambda record: record, message="nothing") == submission()
    assert store.snapshot().revision == before


def test_two_submitters_at_once_give_one_request(
    store: Store, open_again: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit, faster = store.commit, RequestQueue(open_again(), known_keys())

    def overtaken(*arguments: Any, **keywords: Any) -> str:
        if not faster.entries():
            faster.add(submission(sender="faster"))
        return commit(*arguments, **keywords)

    monkeypatch.setattr(store, "commit", overtaken)
    with pytest.raises(DuplicateRequest):
        RequestQueue(store, known_keys()).add(submission(sender="slower"))
    assert [e.record and e.record.sender for e in RequestQueue(store, known_keys()).entries()] == [
        "faster"
    ]


def test_a_queue_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    queue = RequestQueue(LocalStore(tmp_path), known_keys())
    queue.add(submission())
    newer = [submission(sender=name) for name in ("first", "second", "third")]

    def interrupted_by(*records: RequestRecord) -> RequestQueue:
        writes = [Write(PATH, sign(PATH, record, KEY)) for record in records]
        return RequestQueue(Interrupted(tmp_path, writes), known_keys())

    assert [entry.record for entry in interrupted_by(*newer).entries()] == [newer[2]]
    interrupted = interrupted_by(newer[0])
    assert interrupted.get(PATH) == newer[0]
    interrupted = interrupted_by(newer[1])
    changed = interrupted.change(
        PATH, lambda r: r.model_copy(update={"params": 1.0}), message="change"
    )
    assert changed == newer[1].model_copy(update={"params": 1.0})


def test_what_did_not_change_is_not_parsed_again(
    queue: RequestQueue, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [queue.add(submission(model=f"org/model-{number}")) for number in range(3)]
    before = queue.entries()
    parsed: list[str] = []
    parse = RequestFile.from_json

    def noted(content: bytes, *, path: str) -> RequestFile:
        parsed.append(path)
        return parse(content, path=path)

    monkeypatch.setattr(RequestFile, "from_json", noted)
    assert queue.entries() == before
    assert parsed == []
    changed = submission(model="org/model-1", sender="another").to_json()
    store.commit([Write(paths[1], changed), Write("a.json", b"{")], message="by hand")
    after = {entry.path: entry.record for entry in queue.entries()}
    assert sorted(parsed) == ["a.json", paths[1]]
    assert [r and r.sender for r in map(after.get, paths)] == ["", "another", ""]
    assert after["a.json"] is None
