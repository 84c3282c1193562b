"""Which status may follow which, and who is next. Pure: no clock, no store.

See `docs/design/lifecycle.md` for the picture.
"""

from collections.abc import Iterable
from datetime import datetime

from evalboard.errors import LifecycleError
from evalboard.records.request import (
    Claim,
    Failure,
    HistoryEntry,
    RequestRecord,
    Status,
    timestamp,
)

FOLLOWS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.REJECTED, Status.CANCELLED}),
    Status.RUNNING: frozenset({Status.FINISHED, Status.FAILED, Status.CANCELLED, Status.PENDING}),
    Status.FINISHED: frozenset(),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.CANCELLED: frozenset({Status.PENDING}),
    Status.REJECTED: frozenset({Status.PENDING}),
}


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
        LifecycleError: The status may not follow the record's.
    """
    if status not in FOLLOWS[record.status]:
        allowed = ", ".join(sorted(FOLLOWS[record.status])) or "nothing"
        raise LifecycleError(
            f"Request {record.path!r} is {record.status} and cannot become {status}; "
            f"{record.status} is followed by: {allowed}."
        )
    entry = HistoryEntry(status=status, time=timestamp(now), reason=reason)
    block = record.evalboard.model_copy(
        update={"history": (*record.evalboard.history, entry), "failure": failure}
    )
    return record.model_copy(update={"status": status, "evalboard": block})


def claim(record: RequestRecord, claim: Claim, *, now: datetime) -> RequestRecord:
    """Return the record as the claimant's: RUNNING, one more attempt.

    Raises:
        LifecycleError: The request is not PENDING.
    """
    attempt = record.evalboard.attempts + 1
    running = move(record, Status.RUNNING, now=now, reason=f"attempt {attempt}")
    block = running.evalboard.model_copy(
        update={"attempts": attempt, "claimed_by": claim, "claimed_time": timestamp(now)}
    )
    return running.model_copy(
        update={
            "evalboard": block,
            "job_id": claim.run_id,
            "job_start_time": timestamp(now),
        }
    )


def is_claimed_by(record: RequestRecord, run_id: str) -> bool:
    """Return whether this run, and no other, works on the request."""
    claimed_by = record.evalboard.claimed_by
    return (
        record.status is Status.RUNNING and claimed_by is not None and (claimed_by.run_id == run_id)
    )


def order_pending(
    requests: Iterable[tuple[str, RequestRecord]],
) -> list[tuple[str, RequestRecord]]:
    """Return the PENDING requests in the order in which they are to be run.

    Args:
        requests: Path and record.

    Returns:
        Higher priority first, then the earlier submission, then the path.
    """
    pending = [(path, record) for path, record in requests if record.status is Status.PENDING]
    return sorted(
        pending, key=lambda item: (-item[1].evalboard.priority, item[1].submitted_time, item[0])
    )
