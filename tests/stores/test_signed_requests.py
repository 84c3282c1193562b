"""What counts of a request file: all of what this installation wrote, else the submission."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from evalboard.lifecycle import move, prioritise, requeue
from evalboard.records.request import LARGEST_FILE, BoardBlock, RequestRecord, Status
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from evalboard.stores.requests import QueuedRequest, RequestQueue, sign
from tests.signing import known_keys

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
PATH = "org/a.json"
KEY = known_keys().obtain()
FORGED: dict[str, Any] = {
    "suite": "demo",
    "priority": 10**15,
    "attempts": 3,
    "claimed_by": {"run_id": "r", "host": "h"},
    "claimed_time": "2020-01-01T00:00:00Z",
    "failed_attempts": 9,
    "lost_runs": 9,
    "undecided_checks": 9,
    "retry_after": "2999-01-01T00:00:00Z",
    "history": [{"status": "FINISHED", "time": "2020-01-01T00:00:00Z", "reason": "all good"}],
    "failure": {"code": "x", "message": "m", "run_url": "javascript:alert(1)"},
    "report": {"ok": True, "model": "org/model", "revision": "0" * 40},
    "of_another": "program",
}


@pytest.fixture
def store(tmp_path: Any) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def queue(store: LocalStore) -> RequestQueue:
    return RequestQueue(store, known_keys())


Put = Callable[..., QueuedRequest]


@pytest.fixture
def put(store: LocalStore, queue: RequestQueue) -> Put:
    """Write a file as a stranger would, and return how the queue reads it."""

    def write(content: Any = None, **fields: Any) -> QueuedRequest:
        known = {"model": "org/model", "evalboard": FORGED}
        body = json.dumps(known | fields).encode() if content is None else content
        store.commit([Write(PATH, body)], message="a stranger")
        (entry,) = queue.entries()
        assert entry[2:] == queue.entry(PATH)[2:]  # NaN in a record equals nothing
        return entry

    return write


def record_of(entry: QueuedRequest) -> RequestRecord:
    assert entry.record is not None
    return entry.record


@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_of_a_strangers_file_the_submission_counts_alone(status: str, put: Put) -> None:
    entry = put(
        status=status,
        sender="s",
        job_id="r",
        job_start_time="2099-01-01T00:00:00Z",
        precision="bfloat16",
        votes=3,
    )
    record = record_of(entry)
    assert not entry.is_signed
    assert entry.counts == (status == "PENDING")
    assert (record.sender, record.precision, record.status) == ("s", "bfloat16", status)
    assert (record.job_id, record.job_start_time) == (-1, None)
    assert record.model_dump()["votes"] == 3
    block = record.evalboard
    assert block.model_copy(update={"original": {}}) == BoardBlock(suite="demo")
    quoted = block.original["evalboard"]
    assert quoted.keys() == FORGED.keys() - {"suite"}
    assert quoted["priority"] == 10**15
    assert block.original["job_id"] == "r"


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "REJECTED", "CANCELLED"])
def test_what_another_board_ended_is_shown_and_counts_for_nothing(status: str, put: Put) -> None:
    entry = put(status=status)
    block = record_of(entry).evalboard
    assert not entry.counts
    assert block.history[0].reason == "all good"
    assert (block.priority, block.attempts, block.claimed_by) == (0, 0, None)
    assert block.failure is not None
    assert (block.failure.message, block.failure.run_url) == ("m", "")


def test_a_signature_holds_for_its_path_and_every_value(store: LocalStore, put: Put) -> None:
    record = RequestRecord(model="org/model", evalboard=BoardBlock(priority=2))
    good = sign(PATH, record, KEY)
    assert put(good).is_signed
    assert record_of(put(good)) == record
    signature = json.loads(good)["evalboard"]["signature"]
    strange = {
        "of another path": sign("org/b.json", record, KEY),
        "another priority": good.replace(b'"priority": 2', b'"priority": 3'),
        "without": record.to_json(),
        "twice": good.replace(b'"sender": ""', b'"sender": "%s"' % signature.encode()),
        "moved": good.replace(signature.encode(), b"").replace(
            b'"sender": ""', b'"sender": "%s"' % signature.encode()
        ),
        "a key twice": good.replace(b'"priority": 2', b'"priority": 2, "priority": 9'),
        "empty": good.replace(signature.encode(), b""),
        "no text": good.replace(b'"%s"' % signature.encode(), b"[3]"),
        "a short one": good.replace(signature.encode(), signature[:-1].encode()),
        "of no ASCII": good.replace(signature.encode(), "é".encode() * 81),
        "a surrogate": good.replace(signature.encode(), b"\\ud83d\\ude00"),
    }
    for kind, content in strange.items():
        assert not put(content).is_signed, kind
    document = json.loads(good)
    theirs = {**document, "likes": 3, "spam": ["x"], "of_another": None}
    for content in (good + b"\n ", json.dumps(theirs).encode(), json.dumps(document).encode()):
        entry = put(content)
        assert entry.is_signed
        assert record_of(entry).evalboard == record.evalboard


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e400", "-0.0", "1e15", "9" * 4000]
)
def test_strange_numbers_are_kept_and_their_file_changes_like_any_other(
    number: str, put: Put, queue: RequestQueue
) -> None:
    entry = put(b'{"model": "org/model", "likes": %s}' % number.encode())
    blob = entry.blob
    changed = queue.change(PATH, lambda r: prioritise(r, 2), message="x", over=blob)
    assert changed.evalboard.priority == 2
    after = queue.entry(PATH)
    assert after.is_signed
    assert repr(record_of(after).model_dump()["likes"]) == repr(
        record_of(entry).model_dump()["likes"]
    )
    before = after.blob
    queue.change(PATH, lambda r: r, message="nothing")
    assert queue.entry(PATH).blob == before


def test_a_change_over_another_file_than_the_judged_one_is_refused(
    put: Put, queue: RequestQueue
) -> None:
    judged = put().blob
    entry = put(sender="another")
    outcome = queue.change_many(
        {PATH: lambda r: prioritise(r, 2)}, message="x", over={PATH: judged}
    )[PATH]
    assert isinstance(outcome, Exception)
    assert "changed meanwhile" in str(outcome)
    assert queue.entry(PATH) == entry


def test_nothing_that_a_stranger_wrote_is_signed(put: Put, queue: RequestQueue) -> None:
    acts: dict[str, Callable[[RequestRecord], RequestRecord]] = {
        "PENDING": lambda r: prioritise(r, 1),
        "RUNNING": lambda r: move(r, Status.CANCELLED, now=NOW),
        "FAILED": lambda r: requeue(r, now=NOW, reason="by a person"),
        "REJECTED": lambda r: requeue(r, now=NOW, reason="by a person"),
        "CANCELLED": lambda r: requeue(r, now=NOW, reason="by a person"),
    }
    for status, act in acts.items():
        put(status=status)
        queue.change(PATH, act, message=status)
        entry = queue.entry(PATH)
        block = record_of(entry).evalboard
        assert entry.is_signed
        assert (block.report, block.claimed_by, block.failure, block.attempts) == (
            None,
            None,
            None,
            0,
        )
        assert all(line.reason != "all good" for line in block.history)
        assert block.priority in (0, 1)


def test_a_file_that_grows_too_large_keeps_what_this_board_needs(
    put: Put, queue: RequestQueue
) -> None:
    many = ", ".join(["1e15"] * 150_000)
    entry = put(b'{"model": "org/model", "sender": "s", "likes": [%s]}' % many.encode())
    assert entry.record is not None
    queue.change(PATH, lambda r: prioritise(r, 2), message="x")
    after = queue.entry(PATH)
    assert after.is_signed
    assert (record_of(after).sender, record_of(after).evalboard.priority) == ("s", 2)
    assert len(record_of(after).to_json()) < LARGEST_FILE


def test_a_commit_message_has_one_line(put: Put, queue: RequestQueue, store: LocalStore) -> None:
    put(model="org/model\nSigned-off-by: \x1b[31m\u202e")
    queue.change(PATH, lambda r: prioritise(r, 2), message=f"check {queue.get(PATH).model}")
    history = (store._root / ".evalboard" / "history.jsonl").read_text(encoding="utf-8")
    message = json.loads(history.splitlines()[-1])["message"]
    assert message.isprintable()


def test_a_file_that_nobody_expected_is_unreadable_and_hides_no_other(
    put: Put, queue: RequestQueue, store: LocalStore
) -> None:
    put()
    huge = b'{"model": "a/b", "use_chat_template": %s}' % (b"9" * 5000)
    store.commit([Write("a.json", huge)], message="a stranger")
    first, second = queue.entries()
    assert (first.path, first.record, second.path) == ("a.json", None, PATH)
    assert first.problem
    outcome = queue.change_many(
        {"a.json": lambda r: r, PATH: lambda r: prioritise(r, 1)}, message=""
    )
    assert isinstance(outcome["a.json"], Exception)
    assert isinstance(outcome[PATH], RequestRecord)
