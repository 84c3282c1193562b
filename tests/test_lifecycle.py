from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from evalboard.errors import LifecycleError
from evalboard.lifecycle import claim, is_claimed_by, move, order_pending
from evalboard.records.request import BoardBlock, Claim, Failure, RequestRecord, Status

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=2)))
ALLOWED = {
    (Status.PENDING, Status.RUNNING),
    (Status.PENDING, Status.REJECTED),
    (Status.PENDING, Status.CANCELLED),
    (Status.RUNNING, Status.FINISHED),
    (Status.RUNNING, Status.FAILED),
    (Status.RUNNING, Status.CANCELLED),
    (Status.RUNNING, Status.PENDING),
    (Status.FAILED, Status.PENDING),
    (Status.CANCELLED, Status.PENDING),
    (Status.REJECTED, Status.PENDING),
}


def request(status: Status = Status.PENDING, **fields: Any) -> RequestRecord:
    return RequestRecord(model="org/model", status=status, **fields)


@pytest.mark.parametrize("before", Status)
@pytest.mark.parametrize("after", Status)
def test_every_pair_of_statuses(before: Status, after: Status) -> None:
    record = request(before)
    if (before, after) in ALLOWED:
        moved = move(record, after, now=NOW, reason="because")
        assert moved.status is after
        (entry,) = moved.evalboard.history
        assert (entry.status, entry.time, entry.reason) == (
            after,
            "2026-11-21T10:00:00Z",
            "because",
        )
    else:
        with pytest.raises(LifecycleError, match=f"is {before} and cannot become {after}"):
            move(record, after, now=NOW)
    assert record == request(before)


def test_history_grows_and_a_failure_lasts_until_the_next_status() -> None:
    failure = Failure(code="engine_died", message="It died.")
    running = move(request(), Status.RUNNING, now=NOW)
    failed = move(running, Status.FAILED, now=NOW, failure=failure)
    again = move(failed, Status.PENDING, now=NOW, reason="by hand")
    assert failed.evalboard.failure == failure
    assert again.evalboard.failure is None
    assert [e.status for e in again.evalboard.history] == ["RUNNING", "FAILED", "PENDING"]


def test_what_is_not_the_lifecycles_stays() -> None:
    record = RequestRecord.model_validate(
        {"model": "org/model", "likes": 3, "evalboard": {"priority": 2, "votes": 5}}
    )
    moved = move(record, Status.CANCELLED, now=NOW)
    assert moved.model_dump(exclude={"status", "evalboard"}) == record.model_dump(
        exclude={"status", "evalboard"}
    )
    assert moved.evalboard.model_dump(exclude={"history"}) == record.evalboard.model_dump(
        exclude={"history"}
    )


def test_a_claim_makes_the_request_the_runs() -> None:
    mine = Claim(run_id="run-1", host="here", pid=7, started=1.5)
    claimed = claim(request(evalboard=BoardBlock(attempts=1)), mine, now=NOW)
    assert claimed.status is Status.RUNNING
    assert claimed.evalboard.attempts == 2
    assert claimed.evalboard.claimed_by == mine
    assert claimed.evalboard.claimed_time == claimed.job_start_time == "2026-11-21T10:00:00Z"
    assert claimed.job_id == "run-1"
    assert is_claimed_by(claimed, "run-1")
    assert not is_claimed_by(claimed, "run-2")


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
def test_only_what_is_pending_is_claimed(status: Status) -> None:
    with pytest.raises(LifecycleError):
        claim(request(status), Claim(run_id="run-1", host="here"), now=NOW)


def test_who_claimed_a_request_that_ended_works_on_it_no_more() -> None:
    claimed = claim(request(), Claim(run_id="run-1", host="here"), now=NOW)
    assert not is_claimed_by(move(claimed, Status.PENDING, now=NOW), "run-1")
    assert not is_claimed_by(request(Status.RUNNING), "run-1")


def test_pending_requests_go_by_priority_then_time_then_path() -> None:
    def waiting(priority: int, day: int, status: Status = Status.PENDING) -> RequestRecord:
        time = datetime(2026, 11, day, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return request(status, submitted_time=time, evalboard=BoardBlock(priority=priority))

    requests = [
        ("late", waiting(0, 3)),
        ("b", waiting(0, 1)),
        ("running", waiting(9, 1, Status.RUNNING)),
        ("urgent", waiting(5, 4)),
        ("a", waiting(0, 1)),
        ("unimportant", waiting(-1, 1)),
    ]
    ordered = order_pending(requests)
    assert [path for path, _ in ordered] == ["urgent", "a", "b", "late", "unimportant"]
    assert order_pending(reversed(requests)) == ordered
