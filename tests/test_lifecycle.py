from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.errors import LifecycleError
from evalboard.lifecycle import (
    MOST_LOST_RUNS,
    PAUSES,
    claim,
    fail,
    hand_back,
    is_claimed_by,
    is_pausing,
    is_retried,
    move,
    order_pending,
    prioritise,
    release,
    reopen,
    requeue,
)
from evalboard.records.request import BoardBlock, Claim, Failure, RequestRecord, Status
from evalboard.records.times import parse_time, timestamp

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=2)))
ALLOWED = {
    (Status.PENDING, Status.RUNNING),
    (Status.PENDING, Status.REJECTED),
    (Status.PENDING, Status.CANCELLED),
    (Status.PENDING, Status.FAILED),
    (Status.RUNNING, Status.FINISHED),
    (Status.RUNNING, Status.FAILED),
    (Status.RUNNING, Status.CANCELLED),
    (Status.RUNNING, Status.PENDING),
    (Status.FAILED, Status.PENDING),
    (Status.CANCELLED, Status.PENDING),
    (Status.REJECTED, Status.PENDING),
    (Status.FINISHED, Status.PENDING),
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
        with pytest.raises(LifecycleError, match=f"cannot change from {before} to {after}"):
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
    assert claim(claimed, mine, now=NOW) is claimed
    with pytest.raises(LifecycleError):
        claim(claimed, Claim(run_id="run-2", host="here"), now=NOW)


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.PENDING])
def test_only_what_is_pending_is_claimed(status: Status) -> None:
    with pytest.raises(LifecycleError):
        claim(request(status), Claim(run_id="run-1", host="here"), now=NOW)


def test_who_claimed_a_request_that_ended_works_on_it_no_more() -> None:
    claimed = claim(request(), Claim(run_id="run-1", host="here"), now=NOW)
    assert not is_claimed_by(move(claimed, Status.PENDING, now=NOW), "run-1")
    assert not is_claimed_by(request(Status.RUNNING), "run-1")


DIED = Failure(code="engine_died", message="It died.", log_tail="…", run_url="http://run")
BAD = Failure(code="load_failed", message="The weights are broken.")


def running(**block: Any) -> RequestRecord:
    """A request at work, in its first attempt unless the block says another."""
    return claim(request(evalboard=BoardBlock(**block)), Claim(run_id="r", host="h"), now=NOW)


@pytest.mark.parametrize(
    "code",
    [
        *("node_lost", "engine_died", "machine_unfit", "run_lost"),
        *("store", "store_unreachable", "conflict"),
    ],
)
def test_what_may_be_chance_is_tried_again(code: str) -> None:
    assert is_retried(code)


@pytest.mark.parametrize(
    "code",
    [
        *("load_failed", "data_missing", "task_failed", "not_finite", "time_out"),
        *("out_of_memory", "validation", "config", "duplicate", "record", "file_too_large"),
        *("lifecycle", "claim_lost", "engine", "error", "model_not_found", "model_gated"),
        *("revision_not_found", "model_disabled", "too_many_files", "", "never heard of"),
    ],
)
def test_what_would_end_the_same_or_is_unknown_waits_for_a_person(code: str) -> None:
    assert not is_retried(code)
    failed = fail(running(), Failure(code=code, message="why"), now=NOW)
    assert (failed.status, failed.evalboard.retry_after) == (Status.FAILED, None)
    assert failed.evalboard.failure == Failure(code=code, message="why")


def test_a_failure_by_chance_is_tried_three_times_with_growing_pauses() -> None:
    record, now = running(), NOW
    assert list(PAUSES) == sorted(set(PAUSES))
    assert len(PAUSES) == 2
    for number, pause in enumerate(PAUSES, start=1):
        record = fail(record, DIED, now=now)
        assert record.status is Status.PENDING
        assert record.evalboard.failure == DIED
        assert record.evalboard.retry_after == timestamp(now + pause)
        assert f"attempt {number} of 3" in record.evalboard.history[-1].reason
        assert is_pausing(record, now + pause - timedelta(seconds=1))
        assert not is_pausing(record, now + pause)
        now += pause
        record = claim(record, Claim(run_id=f"r{number}", host="h"), now=now)
        assert record.evalboard.retry_after is None
    record = fail(record, DIED, now=now)
    assert (record.status, record.evalboard.failure) == (Status.FAILED, DIED)
    assert (record.evalboard.attempts, record.evalboard.retry_after) == (3, None)
    assert [entry.status for entry in record.evalboard.history] == [
        *("RUNNING", "PENDING", "RUNNING", "PENDING", "RUNNING", "FAILED"),
    ]


def test_no_pauses_mean_no_retries() -> None:
    assert fail(running(), DIED, now=NOW, pauses=()).status is Status.FAILED


def test_pauses_can_be_chosen() -> None:
    pause = timedelta(seconds=90)
    assert fail(running(), DIED, now=NOW, pauses=[pause]).evalboard.retry_after == timestamp(
        NOW + pause
    )


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.RUNNING])
def test_only_what_runs_fails_or_loses_its_run(status: Status) -> None:
    for code in ("engine_died", "load_failed"):
        with pytest.raises(LifecycleError):
            fail(request(status), Failure(code=code, message=""), now=NOW)
    with pytest.raises(LifecycleError):
        release(request(status), now=NOW, reason="")


def test_a_person_starts_the_retries_anew_and_erases_nothing() -> None:
    failed = fail(running(attempts=6, failed_attempts=2, lost_runs=4), DIED, now=NOW)
    assert failed.status is Status.FAILED
    again = requeue(failed, now=NOW, reason="started again by somebody")
    assert again.status is Status.PENDING
    block = again.evalboard
    assert (block.failed_attempts, block.lost_runs, block.retry_after) == (0, 0, None)
    assert (block.attempts, len(block.history)) == (7, len(failed.evalboard.history) + 1)
    assert block.history[-1].reason == "started again by somebody"
    retried = fail(claim(again, Claim(run_id="n", host="h"), now=NOW), DIED, now=NOW)
    assert retried.status is Status.PENDING


def test_a_person_ends_a_pause() -> None:
    pausing = fail(running(), DIED, now=NOW)
    again = requeue(pausing, now=NOW, reason="now")
    assert again.status is Status.PENDING
    assert not is_pausing(again, NOW)
    assert again.evalboard.failed_attempts == 0
    assert again.evalboard.history[:-1] == pausing.evalboard.history


@pytest.mark.parametrize("status", [Status.PENDING, Status.RUNNING, Status.FINISHED])
def test_what_waits_works_or_is_done_is_not_started_again(status: Status) -> None:
    with pytest.raises(LifecycleError):
        requeue(request(status), now=NOW, reason="")


def test_a_person_can_start_a_lost_run_again() -> None:
    lost = release(running(), now=NOW, reason="its process is gone")
    claimed = claim(lost, Claim(run_id="run-2", host="h"), now=NOW)
    again = requeue(claimed, now=NOW, reason="restarted", is_lost=True)
    block = again.evalboard
    assert (again.status, block.attempts, block.lost_runs) == (Status.PENDING, 2, 0)
    with pytest.raises(LifecycleError):
        requeue(request(Status.FINISHED), now=NOW, reason="", is_lost=True)


def test_a_request_that_is_handed_back_waits_as_if_nothing_had_been() -> None:
    before = running(failed_attempts=1, lost_runs=2)
    after = hand_back(before, now=NOW, reason="stopped by SIGTERM")
    block = after.evalboard
    assert (after.status, block.retry_after, block.failure) == (Status.PENDING, None, None)
    assert (block.failed_attempts, block.lost_runs) == (1, 2)
    assert block.history[-1].reason == "stopped by SIGTERM"
    with pytest.raises(LifecycleError):
        hand_back(after, now=NOW, reason="")


def test_a_lost_run_is_no_failure_of_the_model() -> None:
    released = release(running(failed_attempts=1), now=NOW, reason="its process is gone")
    assert released.status is Status.PENDING
    block = released.evalboard
    assert (block.failed_attempts, block.lost_runs, block.retry_after) == (1, 1, None)
    assert block.failure == Failure(code="run_lost", message="its process is gone")


def test_a_machines_fault_is_told_in_its_own_words_and_no_failure_of_the_model() -> None:
    failure = Failure(code="machine_unfit", message="The disk is full.")
    released = release(running(), now=NOW, reason="It takes none.", failure=failure)
    block = released.evalboard
    assert (released.status, block.failed_attempts, block.retry_after) == (Status.PENDING, 0, None)
    assert block.failure == failure


def test_a_request_whose_runs_always_vanish_ends_failed() -> None:
    lost = running(lost_runs=MOST_LOST_RUNS - 1)
    assert release(lost, now=NOW, reason="gone").status is Status.PENDING
    ended = release(running(lost_runs=MOST_LOST_RUNS), now=NOW, reason="gone")
    assert ended.status is Status.FAILED
    assert ended.evalboard.failure is not None
    assert ended.evalboard.failure.code == "run_lost"
    assert "gone" in ended.evalboard.failure.message


def test_a_priority_is_for_those_who_wait() -> None:
    assert prioritise(request(), 7).evalboard.priority == 7
    for status in set(Status) - {Status.PENDING}:
        with pytest.raises(LifecycleError, match="needs a request that is PENDING"):
            prioritise(request(status), 7)


def at(day: int, *, status: Status = Status.PENDING, sender: str = "", **block: Any) -> Any:
    time = f"2026-11-{day:02}T00:00:00Z"
    return request(
        status, submitted_time=time, sender=sender, evalboard=BoardBlock.model_validate(block)
    )


def paths(requests: list[tuple[str, RequestRecord]], **options: Any) -> list[str]:
    return [path for path, _ in order_pending(requests, **options)]


def test_pending_requests_of_one_submitter_go_by_priority_then_time_then_path() -> None:
    requests = [
        ("late", at(3)),
        ("b", at(1)),
        ("done", at(1, status=Status.FINISHED, priority=9)),
        ("urgent", at(4, priority=5)),
        ("a", at(1)),
        ("unimportant", at(1, priority=-1)),
        ("of no time", request()),
    ]
    assert paths(requests) == ["urgent", "a", "b", "late", "of no time", "unimportant"]
    assert paths(requests[::-1]) == paths(requests)


def test_submitters_take_turns() -> None:
    requests = [
        *((f"many-{day}", at(day, sender="Many")) for day in (1, 2, 3)),
        ("few-1", at(8, sender="few")),
        ("few-2", at(9, sender="FEW ")),
    ]
    assert paths(requests) == ["many-1", "few-1", "many-2", "few-2", "many-3"]


def test_what_runs_counts_as_a_submitters_first_turns() -> None:
    requests = [
        ("runs", at(1, sender="a", status=Status.RUNNING)),
        ("a-1", at(2, sender="a")),
        ("b-1", at(8, sender="b")),
        ("b-2", at(9, sender="b")),
    ]
    assert paths(requests) == ["b-1", "a-1", "b-2"]


def test_who_pauses_is_not_in_turn() -> None:
    pause = timestamp(NOW + timedelta(minutes=1))
    requests = [("pausing", at(1, sender="a", retry_after=pause)), ("a", at(2, sender="a"))]
    assert paths(requests, now=NOW) == ["a"]
    assert paths(requests, now=NOW + timedelta(minutes=1)) == ["pausing", "a"]
    assert paths(requests) == ["pausing", "a"]


REQUESTS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["", "a", "A", "b", "c"]),
        st.integers(-1, 1),
        st.sampled_from([Status.PENDING, Status.PENDING, Status.RUNNING, Status.FINISHED]),
    ),
    max_size=12,
).map(
    lambda rows: [
        (f"{number:02}", at(day, sender=sender, status=status, priority=priority))
        for number, (day, sender, priority, status) in enumerate(rows)
    ]
)


@given(REQUESTS, st.randoms())
def test_the_order_is_a_permutation_and_depends_on_nothing_else(
    requests: list[tuple[str, RequestRecord]], random: Any
) -> None:
    ordered = order_pending(requests)
    pending = [item for item in requests if item[1].status is Status.PENDING]
    assert sorted(ordered, key=lambda item: item[0]) == pending
    random.shuffle(requests)
    assert order_pending(requests) == ordered


@given(REQUESTS)
def test_priority_comes_before_fairness_and_fairness_before_time(
    requests: list[tuple[str, RequestRecord]],
) -> None:
    turns = {
        sender: sum(
            record.status is Status.RUNNING and record.sender.lower() == sender
            for _, record in requests
        )
        for sender in ("", "a", "b", "c")
    }
    places: list[tuple[int, int, str, str]] = []
    taken: dict[tuple[str, int], int] = {}
    for path, record in order_pending(requests):
        sender, priority = record.sender.lower(), record.evalboard.priority
        turn = taken.get((sender, priority), turns[sender])
        taken[sender, priority] = turn + 1
        places.append((-priority, turn, record.submitted_time, path))
    assert places == sorted(places)


@given(REQUESTS)
def test_one_submitters_requests_stay_in_the_order_of_their_submission(
    requests: list[tuple[str, RequestRecord]],
) -> None:
    for sender in ("", "a", "b", "c"):
        for priority in (-1, 0, 1):
            mine = [
                (record.submitted_time, path)
                for path, record in order_pending(requests)
                if record.sender.lower() == sender and record.evalboard.priority == priority
            ]
            assert mine == sorted(mine)


def test_a_finished_request_waits_again_for_some_benchmarks_until_it_is_finished() -> None:
    run = Claim(run_id="run", host="h")
    block = BoardBlock(attempts=2, failed_attempts=2, lost_runs=3)
    record = request(Status.FINISHED, evalboard=block)
    again = reopen(record, ["a", "b"], -7, now=NOW, reason="waits for a, b")
    found = again.evalboard
    assert (again.status, found.priority, found.benchmarks) == (Status.PENDING, -7, ("a", "b"))
    assert (found.attempts, found.failed_attempts, found.lost_runs) == (2, 0, 0)
    failed = move(claim(again, run, now=NOW), Status.FAILED, now=NOW)
    assert requeue(failed, now=NOW, reason="").evalboard.benchmarks == ("a", "b")
    ended = move(claim(again, run, now=NOW), Status.FINISHED, now=NOW)
    assert ended.evalboard.benchmarks == ()
    for status in set(Status) - {Status.FINISHED}:
        with pytest.raises(LifecycleError):
            reopen(request(status), ["a"], -1, now=NOW, reason="")


@given(st.lists(st.sampled_from(["fail", "lose", "bad", "requeue"]), max_size=40))
def test_nothing_is_ever_lost_or_tried_without_end(events: list[str]) -> None:
    record, now = request(), NOW
    tried = failed = 0
    for event in events:
        now += timedelta(hours=1)
        if event == "requeue":
            if record.status is Status.FAILED:
                record, failed = requeue(record, now=now, reason=""), 0
            continue
        if record.status is not Status.PENDING:
            continue
        record = claim(record, Claim(run_id=str(now), host="h"), now=now)
        tried += 1
        if event == "lose":
            record = release(record, now=now, reason="gone")
        else:
            failed += 1
            record = fail(record, DIED if event == "fail" else BAD, now=now)
            assert record.status is (
                Status.PENDING if event == "fail" and failed < 3 else Status.FAILED
            )
    assert record.evalboard.attempts == tried
    assert record.status in (Status.PENDING, Status.FAILED)
    assert record.status is Status.PENDING or record.evalboard.failure is not None
    times = [parse_time(entry.time) for entry in record.evalboard.history]
    assert times == sorted(times, key=lambda time: time or NOW)
