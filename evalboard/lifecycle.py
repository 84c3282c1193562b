"""The order of statuses, the consequence of a failure, and the order of the queue.

Pure: no clock, no store. See `docs/design/lifecycle.md` for the picture.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from evalboard.errors import LifecycleError, Recovery, RunLost, recovery_of
from evalboard.records.request import (
    Claim,
    Failure,
    HistoryEntry,
    RequestRecord,
    Status,
)
from evalboard.records.times import parse_time, timestamp

FOLLOWS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.REJECTED, Status.CANCELLED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.FINISHED, Status.FAILED, Status.CANCELLED, Status.PENDING}),
    Status.FINISHED: frozenset({Status.PENDING}),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset({Status.PENDING}),
    Status.REJECTED: frozenset({Status.PENDING}),
}

STOPPED = (Status.FAILED, Status.REJECTED, Status.CANCELLED)
"""Nothing happens to such a request until a person starts it again."""
REPLACEABLE = (Status.REJECTED, Status.CANCELLED)
"""The same model may be submitted again, in such a request's place."""


PAUSES = (timedelta(minutes=1), timedelta(minutes=5))
"""Pauses before the second attempt and before the third, which is the last automatic one."""
CHECK_PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
)
"""Pauses of a request that could not be checked or started. After one more a person must look."""
MACHINE_PAUSE = timedelta(minutes=15)
"""Pause of a request for which no machine of the Ray cluster is fit."""
MOST_LOST_RUNS = 20
"""Limit of lost runs of one request. After more losses the model is the probable cause."""


def move(
    record: RequestRecord,
    status: Status,
    *,
    now: datetime,
    reason: str = "",
    failure: Failure | None = None,
) -> RequestRecord:
    """Return the record with a new status and one more line of history.

    Raises:
        LifecycleError: The record's status does not allow the change.
    """
    if status not in FOLLOWS[record.status]:
        allowed = ", ".join(sorted(FOLLOWS[record.status])) or "nothing"
        raise LifecycleError(
            f"The request for {record.model!r} cannot change from {record.status} to {status}. Allowed "
            f"after {record.status}: {allowed}."
        )
    noted = note(record, status, now=now, reason=reason)
    block: dict[str, object] = {"failure": failure, "retry_after": None}
    if status is Status.FINISHED:
        block["benchmarks"] = ()
    return _with_block(noted.model_copy(update={"status": status}), **block)


def note(record: RequestRecord, status: Status, *, now: datetime, reason: str) -> RequestRecord:
    """Return the record with one more line of history and no other change."""
    entry = HistoryEntry(status=status, time=timestamp(now), reason=reason)
    return _with_block(record, history=(*record.evalboard.history, entry))


def claim(record: RequestRecord, claim: Claim, *, now: datetime) -> RequestRecord:
    """Return the record as claimed: RUNNING, with one more attempt.

    A second claim by the same run changes nothing: the commit of the first may have succeeded
    although its answer was lost.

    Raises:
        LifecycleError: The request is neither PENDING nor claimed by this run.
    """
    if is_claimed_by(record, claim.run_id):
        return record
    attempt = record.evalboard.attempts + 1
    running = move(record, Status.RUNNING, now=now, reason=f"attempt {attempt}")
    claimed = _with_block(running, attempts=attempt, claimed_by=claim, claimed_time=timestamp(now))
    return claimed.model_copy(update={"job_id": claim.run_id, "job_start_time": timestamp(now)})


def is_claimed_by(record: RequestRecord, run_id: str) -> bool:
    """Return whether the request is RUNNING and claimed by this run."""
    claimed_by = record.evalboard.claimed_by
    return (
        record.status is Status.RUNNING and claimed_by is not None and (claimed_by.run_id == run_id)
    )


def is_retried(code: str) -> bool:
    """Return whether a failure with this code is retried automatically."""
    return recovery_of(code) is Recovery.ITSELF


def fail(
    record: RequestRecord,
    failure: Failure,
    *,
    now: datetime,
    pauses: Sequence[timedelta] = PAUSES,
) -> RequestRecord:
    """Return a RUNNING request after its attempt failed.

    Args:
        record: The request.
        failure: Why the attempt failed. Its code decides, see `evalboard.errors`.
        now: Time of the failure.
        pauses: Pauses before the second attempt, the third, and so on. After the last attempt the
            request waits for a person.

    Returns:
        PENDING with a pause, or FAILED if the failure waits for a person or no attempt is left.
        Both contain the failure, which stays visible until the next attempt.

    Raises:
        LifecycleError: The request is not RUNNING.
    """
    _require(record, Status.RUNNING)
    failed = record.evalboard.failed_attempts + 1
    if not is_retried(failure.code) or failed > len(pauses):
        ended = move(record, Status.FAILED, now=now, reason=failure.message, failure=failure)
        return _with_block(ended, failed_attempts=failed)
    start = timestamp(now + pauses[failed - 1])
    reason = (
        f"attempt {failed} of {len(pauses) + 1} failed, next one after {start}: {failure.message}"
    )
    waiting = move(record, Status.PENDING, now=now, reason=reason, failure=failure)
    return _with_block(waiting, failed_attempts=failed, retry_after=start)


def release(
    record: RequestRecord,
    *,
    now: datetime,
    reason: str,
    failure: Failure | None = None,
    most: int = MOST_LOST_RUNS,
    pause: timedelta | None = None,
) -> RequestRecord:
    """Return a RUNNING request as PENDING whose run is gone, or was on a machine that is unfit.

    The next run continues its work. A lost run says nothing about the model, so it is not a failed
    attempt. A request becomes FAILED only after many lost runs.

    Args:
        record: The request.
        now: Time of the release.
        reason: What happened to the run.
        failure: What the run said itself, None if it could say nothing.
        most: Limit of lost runs.
        pause: Time before the next run, None to start it at once.

    Raises:
        LifecycleError: The request is not RUNNING.
    """
    _require(record, Status.RUNNING)
    lost = record.evalboard.lost_runs + 1
    failure = failure or Failure(code=RunLost.code, message=reason)
    if lost > most:
        message = (
            f"{lost} runs of this request were lost. Check the machine of the last one: {reason}"
        )
        failure = failure.model_copy(update={"message": message})
    status = Status.FAILED if lost > most else Status.PENDING
    ended = move(record, status, now=now, reason=failure.message, failure=failure)
    start = timestamp(now + pause) if pause and status is Status.PENDING else None
    return _with_block(ended, lost_runs=lost, retry_after=start)


def hand_back(record: RequestRecord, *, now: datetime, reason: str) -> RequestRecord:
    """Return a RUNNING request as PENDING whose run ends in good order before its work is done.

    Neither the model nor the machine is at fault, so no count of failures or lost runs changes.

    Raises:
        LifecycleError: The request is not RUNNING.
    """
    _require(record, Status.RUNNING)
    return move(record, Status.PENDING, now=now, reason=reason)


def undecided(
    record: RequestRecord,
    failure: Failure,
    *,
    now: datetime,
    pauses: Sequence[timedelta] = CHECK_PAUSES,
) -> RequestRecord:
    """Return a PENDING request after its checks could not be decided, or its run not be started.

    Returns:
        PENDING with a pause that grows each time, or FAILED after the last pause. Both contain the
        failure, which stays visible until the checks are decided.

    Raises:
        LifecycleError: The request is not PENDING.
    """
    _require(record, Status.PENDING)
    number = record.evalboard.undecided_checks + 1
    if number > len(pauses):
        reason = f"it could not be checked or started {number} times: {failure.message}"
        ended = move(record, Status.FAILED, now=now, reason=reason, failure=failure)
        return _with_block(ended, undecided_checks=number)
    start = timestamp(now + pauses[number - 1])
    reason = f"it could not be checked or started, next time after {start}: {failure.message}"
    noted = note(record, Status.PENDING, now=now, reason=reason)
    return _with_block(noted, undecided_checks=number, retry_after=start, failure=failure)


def decided(record: RequestRecord) -> RequestRecord:
    """Return a PENDING request after its checks, without the traces of earlier ones."""
    if not record.evalboard.undecided_checks:
        return record
    return _with_block(record, undecided_checks=0, retry_after=None, failure=None)


_COUNTS = {"failed_attempts": 0, "lost_runs": 0, "undecided_checks": 0}
"""What counts since a person last queued the request."""


def requeue(
    record: RequestRecord, *, now: datetime, reason: str, is_lost: bool = False
) -> RequestRecord:
    """Return a request as PENDING at a person's wish.

    The count of automatic retries restarts; attempts and history continue. A pending request that
    pauses after a failure loses its pause.

    Args:
        record: The request.
        now: The current time.
        reason: For its history.
        is_lost: Whether nothing shows that the run of a RUNNING request is alive.

    Raises:
        LifecycleError: The request is FINISHED, RUNNING but not lost, or PENDING without a pause.
    """
    block = record.evalboard
    if record.status is Status.RUNNING and is_lost:
        return _with_block(hand_back(record, now=now, reason=reason), **_COUNTS)
    if record.status is Status.PENDING and block.retry_after:
        noted = note(record, Status.PENDING, now=now, reason=reason)
        return _with_block(noted, retry_after=None, **_COUNTS)
    _require(record, *STOPPED)
    pending = move(record, Status.PENDING, now=now, reason=reason)
    return _with_block(pending, **_COUNTS)


def reopen(
    record: RequestRecord, benchmarks: Sequence[str], priority: int, *, now: datetime, reason: str
) -> RequestRecord:
    """Return a finished request as PENDING, for some benchmarks of its suite alone.

    Args:
        record: The request.
        benchmarks: Keys of the benchmarks. The stored scores of all others stay.
        priority: Its new priority.
        now: The current time.
        reason: For its history.

    Raises:
        LifecycleError: The request is not FINISHED.
    """
    _require(record, Status.FINISHED)
    pending = move(record, Status.PENDING, now=now, reason=reason)
    return _with_block(pending, benchmarks=tuple(benchmarks), priority=priority, **_COUNTS)


def prioritise(record: RequestRecord, priority: int) -> RequestRecord:
    """Return a waiting request with another priority.

    Raises:
        LifecycleError: The request is not PENDING.
    """
    _require(record, Status.PENDING)
    return _with_block(record, priority=priority)


def plain_name(sender: str) -> str:
    """Return a sender's name as names are compared."""
    return sender.strip().casefold()


def is_pausing(record: RequestRecord, now: datetime) -> bool:
    """Return whether a pending request is in its pause."""
    end = parse_time(record.evalboard.retry_after)
    return record.status is Status.PENDING and end is not None and now < end


def order_pending(
    requests: Iterable[tuple[str, RequestRecord]], *, now: datetime | None = None
) -> list[tuple[str, RequestRecord]]:
    """Return the PENDING requests in the order of the queue.

    Higher priorities come first. Within a priority the submitters take turns: the first requests of
    all submitters come before any second one, and a submitter's RUNNING requests count as the first
    ones. Within a turn the earlier submission comes first, then the path. Case is ignored in names
    of senders. All submissions without a name count as one submitter.

    Args:
        requests: Path and record of all requests.
        now: Omit requests that pause beyond this time. None omits none.
    """
    everything = list(requests)
    pending = [
        (path, record)
        for path, record in everything
        if record.status is Status.PENDING and not (now and is_pausing(record, now))
    ]
    pending.sort(key=lambda item: (-item[1].evalboard.priority, *_submission(item)))
    running = Counter(
        plain_name(record.sender) for _, record in everything if record.status is Status.RUNNING
    )
    taken: Counter[tuple[int, str]] = Counter()
    turns: list[tuple[int, int, str, str]] = []
    by_path = dict(pending)
    for path, record in pending:
        priority, sender = record.evalboard.priority, plain_name(record.sender)
        turn = running[sender] + taken[priority, sender]
        taken[priority, sender] += 1
        turns.append((-priority, turn, *_submission((path, record))))
    return [(path, by_path[path]) for *_, path in sorted(turns)]


_NEVER = "9"
"""Sorts after every time."""


def _submission(item: tuple[str, RequestRecord]) -> tuple[str, str]:
    """Return the time of submission and the path. Unknown times come last."""
    path, record = item
    return record.submitted_time or _NEVER, path


def _require(record: RequestRecord, *statuses: Status) -> None:
    if record.status not in statuses:
        raise LifecycleError(
            f"The request for {record.model!r} is {record.status}, but this action needs a request "
            f"that is {' or '.join(statuses)}."
        )


def _with_block(record: RequestRecord, **changes: object) -> RequestRecord:
    return record.model_copy(update={"evalboard": record.evalboard.model_copy(update=changes)})
