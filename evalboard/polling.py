"""Look through the queue: what to check, what to start, whose claims are dead."""

from datetime import datetime
from typing import NamedTuple

from evalboard.attempt.model import EvaluationRequest
from evalboard.attempt.opening import released
from evalboard.engine import placement
from evalboard.errors import LifecycleError
from evalboard.lifecycle import move, order_pending
from evalboard.records.report import Report
from evalboard.records.request import ModelType, Precision, RequestRecord, Status, WeightType
from evalboard.settings import Settings
from evalboard.stores.opening import open_store
from evalboard.stores.requests import RequestQueue
from evalboard.submission import check_request, is_checked


class Waiting(NamedTuple):
    """The queue as a poll sees it."""

    paths: list[str]
    """Pending requests, the next one first."""
    free_slots: int
    """How many evaluations may be started."""


class Checked(NamedTuple):
    """One pending request after its checks."""

    path: str
    request: EvaluationRequest | None
    """What to evaluate; None when the request was rejected or is no longer pending."""
    attempt: int
    """Number that the evaluation's attempt will have, from 1."""
    report: Report | None


def waiting(settings: Settings) -> Waiting:
    """Return the pending requests in order, and how many more may run."""
    entries = [e for e in _queue(settings).entries() if e.record is not None]
    running = sum(e.record is not None and e.record.status is Status.RUNNING for e in entries)
    pending = order_pending((e.path, e.record) for e in entries if e.record is not None)
    allowed = settings.max_running or placement.slot_count(settings)
    return Waiting([path for path, _ in pending], max(0, allowed - running))


def check(path: str, settings: Settings, *, now: datetime) -> Checked:
    """Check a pending request: pin it to a commit, or reject it with the report.

    Raises:
        StoreError: The model's repository cannot be reached; the request stays as it is.
    """
    queue = _queue(settings)
    record = queue.get(path)
    if not is_checked(record):
        checked = check_request(record, settings)
        verdict = checked.record

        def decide(current: RequestRecord) -> RequestRecord:
            if current != record:
                return current  # somebody else decided; the next poll sees what
            if checked.report.ok:
                return verdict
            return move(verdict, Status.REJECTED, now=now, reason=checked.report.summary())

        record = queue.change(path, decide, message=f"check {record.model}")
    report = record.evalboard.report
    return Checked(
        path,
        _evaluation(record) if record.status is Status.PENDING else None,
        record.evalboard.attempts + 1,
        Report.model_validate(report) if report else None,
    )


def release_dead_claims(settings: Settings, *, now: datetime) -> list[str]:
    """Make requests pending again whose run on this machine is gone; return their paths."""
    queue = _queue(settings)
    dead: list[str] = []
    for entry in queue.entries():
        if entry.record is None or entry.record.status is not Status.RUNNING:
            continue
        try:
            queue.change(
                entry.path, lambda record: released(record, now=now), message="release dead claim"
            )
        except LifecycleError:
            continue  # somebody is at work on it
        dead.append(entry.path)
    return dead


def _evaluation(record: RequestRecord) -> EvaluationRequest:
    return EvaluationRequest(
        model=record.model,
        revision=record.revision,
        precision=Precision(record.precision),
        weight_type=WeightType(record.weight_type),
        base_model=record.base_model,
        base_revision=record.evalboard.base_revision or "main",
        model_type=ModelType.parse(record.model_type),
        use_chat_template=record.use_chat_template,
        sender=record.sender,
        suite=record.evalboard.suite,
    )


def _queue(settings: Settings) -> RequestQueue:
    return RequestQueue(open_store(settings.store_address("requests")))
