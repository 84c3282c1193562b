"""The poll of the queue: requests to refuse, to check and to start."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from evalboard.engine.placing import cluster
from evalboard.identity import request_identity
from evalboard.intake.house_rules import first_of_same, load_rules, refusals, repetition
from evalboard.intake.request_files import check_request, is_checked
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import move, note, order_pending
from evalboard.records.report import Finding, Report
from evalboard.records.request import ModelType, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import RequestQueue
from evalboard.suites.loader import load_suite

MAX_STARTS_PER_ATTEMPT = 5
"""Limit of runs of one attempt that end before their claim. Then a person must look."""


class QueueView(NamedTuple):
    """The queue as a poll sees it."""

    paths: list[str]
    """Pending requests, the next one first."""
    free_slots: int
    """Number of evaluations that may start."""
    refused: Mapping[str, str] = {}
    """Requests that this poll rejected by the rules of the house, with reasons."""


class CheckedRequest(NamedTuple):
    """One pending request after its checks."""

    path: str
    request: EvaluationRequest | None
    """The evaluation, None if the request was rejected or is no longer pending."""
    attempt: int
    """Number of the evaluation's attempt, from 1."""
    report: Report | None


def view_queue(settings: Settings, *, now: datetime | None = None) -> QueueView:
    """Return the pending requests in order, and the number of free slots.

    Requests that break the rules of the house, such as a second file of one submission, are first
    rejected in one commit.

    Args:
        settings: The stores and the rules.
        now: The current time. Requests in a pause are omitted. None reads the clock.

    Raises:
        ConfigError: The board's suite or the deny list cannot be read.
        StoreError: The queue cannot be read or written.
    """
    now = now or datetime.now(UTC)
    queue = open_queue(settings)
    entries = [e for e in queue.entries() if e.record is not None]
    suite = load_suite(settings.suite).name
    refused = refusals(entries, load_rules(settings), suite=suite, now=now)
    if refused:
        queue.change_many(
            {path: partial(_refuse, finding, now) for path, finding in refused.items()},
            message=f"refuse {len(refused)} requests",
        )
    running = sum(e.record is not None and e.record.status is Status.RUNNING for e in entries)
    ordered = order_pending(
        ((e.path, e.record) for e in entries if e.record is not None and e.path not in refused),
        now=now,
    )
    allowed = settings.max_running or cluster.slot_count(settings)
    return QueueView(
        [path for path, _ in ordered],
        max(0, allowed - running),
        {path: finding.message for path, finding in refused.items()},
    )


def check(path: str, settings: Settings, *, now: datetime) -> CheckedRequest:
    """Check a pending request. Pin it to a commit, or reject it with the report.

    Raises:
        StoreError: The model's repository cannot be reached. The request does not change.
    """
    queue = open_queue(settings)
    record = queue.get(path)
    if not is_checked(record):
        checked = check_request(record, settings)
        verdict = _unless_repeated(path, record, checked.record, queue, settings, now=now)
        record = queue.change(
            path,
            # When somebody else decided meanwhile, the next poll sees what.
            lambda current: verdict if current == record else current,
            message=f"check {record.model}",
        )
    report = record.evalboard.report
    return CheckedRequest(
        path,
        _evaluation(path, record) if record.status is Status.PENDING else None,
        record.evalboard.attempts + 1,
        Report.model_validate(report) if report else None,
    )


def _unless_repeated(
    path: str,
    before: RequestRecord,
    checked: RequestRecord,
    queue: RequestQueue,
    settings: Settings,
    *,
    now: datetime,
) -> RequestRecord:
    """Return a request after its checks: REJECTED, or PENDING with at least one line of history.

    The line records when this board first saw a file from another program. The branch is pinned
    only now, so only now a file with a branch can turn out to be a duplicate.
    """
    report = Report.model_validate(checked.evalboard.report)
    suite = load_suite(settings.suite).name
    if report.ok and request_identity(checked, suite) != request_identity(before, suite):
        first = first_of_same(queue.entries(), path, checked, suite=suite, now=now)
        if first:
            return _refuse(repetition(first), now, checked)
    if not report.ok:
        return move(checked, Status.REJECTED, now=now, reason=report.summary())
    if checked.evalboard.history:
        return checked
    return note(checked, Status.PENDING, now=now, reason="submitted and checked")


def _refuse(finding: Finding, now: datetime, record: RequestRecord) -> RequestRecord:
    """Return a pending request as rejected with a finding, any other unchanged."""
    if record.status is not Status.PENDING:
        return record
    report = Report(model=record.model, revision=record.revision, findings=(finding,))
    rejected = move(record, Status.REJECTED, now=now, reason=report.summary())
    block = rejected.evalboard.model_copy(update={"report": report.to_document()})
    return rejected.model_copy(update={"evalboard": block})


def _evaluation(path: str, record: RequestRecord) -> EvaluationRequest:
    return EvaluationRequest(
        **record.choice.choice_fields(),
        request_path=path,
        model_type=ModelType.parse(record.model_type),
        sender=record.sender,
        suite=record.evalboard.suite,
    )
