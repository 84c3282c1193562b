"""The poll of the queue: requests to refuse, to check and to start.

What somebody wrote into the store ends nothing but itself: an error at one request is contained,
recorded in that request if it can come again, and the poll goes on.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NamedTuple

from evalboard.containing import contained
from evalboard.engine.examining import why_unfit
from evalboard.engine.placing import placement
from evalboard.errors import (
    ConfigError,
    EngineError,
    EvalboardError,
    LifecycleError,
    RecordError,
    StoreError,
    StoreRefused,
)
from evalboard.identity import SubmissionIdentity, request_identity
from evalboard.intake.house_rules import first_of_same, load_rules, refusals, repetition
from evalboard.intake.request_files import CHECKED_BY_POLL, check_request, is_checked
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import decided, move, note, order_pending, undecided
from evalboard.queueing.claims import server_name, takes_slot
from evalboard.records.report import Finding, Report
from evalboard.records.request import Failure, ModelType, RequestRecord, Status
from evalboard.records.times import parse_time
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.stores.work import WorkFolder
from evalboard.suites.loader import load_suite

MAX_STARTS_PER_ATTEMPT = 5
"""Limit of runs of one attempt that end before their claim. Then a person must look."""

UNDECIDED_PAUSE = timedelta(minutes=1)
"""Until the next poll, if a request has a place and could not be started."""

NOT_OF_THE_REQUEST = (ConfigError, RecordError, StoreError)
"""Errors after which a request stays as it is: of the settings, of its file, of the Hub."""


class QueueView(NamedTuple):
    """The queue as a poll sees it."""

    paths: list[str]
    """Pending requests that can start, the next one first; of one model only the first."""
    free_slots: int
    """Number of evaluations that may start here."""
    refused: Mapping[str, str] = {}
    """Requests that this poll rejected by the rules of the house, with reasons."""
    warning: str = ""
    """What is wrong with this machine or the store, empty for nothing."""


class Startable(NamedTuple):
    """A pending request that has passed its checks."""

    path: str
    request: EvaluationRequest
    attempt: int
    """Number of the evaluation's attempt, from 1."""
    turn: int
    """Number of lines in the request's history. A request that waits again has a new one."""


class CheckedRequest(NamedTuple):
    """One pending request after its checks."""

    startable: Startable | None = None
    """None if the request was rejected, is no longer pending or is undecided."""
    report: Report | None = None
    problem: Failure | None = None
    """Why the checks could not be decided."""


def view_queue(settings: Settings, *, now: datetime | None = None) -> QueueView:
    """Return the pending requests in order, and the number of free slots of this server's machines.

    A machine that is unfit has no free slots. Runs of other machines, with servers of their own,
    take none of these.

    Requests that break the rules of the house, such as a second file of one submission, are first
    rejected in one commit. A request of another program takes no slot, whatever its status.

    Args:
        settings: The stores and the rules.
        now: The current time. Requests in a pause are omitted. None reads the clock.

    Raises:
        ForeignKey: Another installation evaluates these requests.
        ConfigError: The board's suite or the deny list cannot be read.
        StoreError: The queue cannot be read or written.
    """
    now = now or datetime.now(UTC)
    queue = open_own_queue(settings)
    entries = [e for e in queue.entries() if e.counts]
    warning = queue.keep_name()
    suite = load_suite(settings.suite).name
    refused = refusals(entries, load_rules(settings), suite=suite, now=now)
    if refused:
        queue.change_many(
            {path: partial(_refuse, finding, now) for path, finding in refused.items()},
            message=f"refuse {len(refused)} requests",
        )
    WorkFolder(settings.work_folder).note_poll()
    left = [entry for entry in entries if entry.path not in refused]
    unfit = why_unfit(settings)
    return QueueView(
        _startable(left, suite, now),
        0 if unfit else _free_slots(entries, settings),
        {path: finding.message for path, finding in refused.items()},
        unfit or warning,
    )


def ready(
    settings: Settings, *, at_most: int, skip: Collection[str], now: datetime
) -> list[Startable] | None:
    """Return the next requests if a poll would do no more than to start them.

    This takes milliseconds, and a poll a second.

    Args:
        settings: The stores and the rules.
        at_most: Number of requests.
        skip: Paths of requests that are left out.
        now: The current time.

    Returns:
        The requests, all of which have passed their checks, or an empty list if there is nothing to
        start. None if a poll is due: it checks, or says what it has refused or what is wrong.

    Raises:
        EvalboardError: As in a poll.
    """
    waiting = view_queue(settings, now=now)
    if waiting.refused or waiting.warning:
        return None
    places = min(at_most, waiting.free_slots)
    paths = [path for path in waiting.paths if path not in skip][:places]
    records = (open_own_queue(settings).entry(path) for path in paths)
    if not all(e.record and e.is_signed and is_checked(e.record) for e in records):
        return None
    found = [check(path, settings, now=now).startable for path in paths]
    passed = [one for one in found if one]
    return passed if len(passed) == len(found) else None


def has_work(settings: Settings, *, now: datetime) -> bool:
    """Return whether a request waits for which there is a place: a poll is due.

    Raises:
        EvalboardError: As for `view_queue`.
    """
    entries = [e for e in open_own_queue(settings).entries() if e.counts]
    waiting = _startable(entries, load_suite(settings.suite).name, now)
    return bool(waiting) and _free_slots(entries, settings) > 0


def next_poll(settings: Settings, started: Collection[str], *, now: datetime) -> datetime | None:
    """Return when the next poll is due of which no event will tell.

    Args:
        settings: The settings.
        started: Paths of the requests whose evaluations this poll has started.
        now: The current time.

    Returns:
        The end of a pause. Soon, if a request waits although there is a place: the Hub did not answer,
        or this machine is unfit. Otherwise None.

    Raises:
        EvalboardError: As for `view_queue`.
    """
    entries = [e for e in open_own_queue(settings).entries() if e.counts]
    waiting = set(_startable(entries, load_suite(settings.suite).name, now)) - set(started)
    if waiting and _free_slots(entries, settings) > len(started):
        return now + UNDECIDED_PAUSE
    pending = [e.record for e in entries if e.record and e.record.status is Status.PENDING]
    ends = [parse_time(record.evalboard.retry_after) for record in pending]
    return min((end for end in ends if end is not None and end > now), default=None)


def _startable(entries: Sequence[QueuedRequest], suite: str, now: datetime) -> list[str]:
    """Return the paths of the requests that can start, the next one first."""
    ordered = order_pending(((e.path, e.record) for e in entries if e.record is not None), now=now)
    return _one_suite_at_a_time(ordered, entries, suite)


def _free_slots(entries: Iterable[QueuedRequest], settings: Settings) -> int:
    server = server_name(settings)
    running = sum(e.record is not None and takes_slot(e.record, server) for e in entries)
    return max(0, placement.running_limit(settings) - running)


def _one_suite_at_a_time(
    ordered: Iterable[tuple[str, RequestRecord]], entries: Iterable[QueuedRequest], suite: str
) -> list[str]:
    """Return the paths of the requests, without those of a model that an earlier one evaluates.

    Suites can share benchmarks: the second takes the scores that the first has stored.

    Args:
        ordered: The pending requests.
        entries: All requests that count.
        suite: Name of the first board's suite, the meaning of an empty one.
    """
    records = [entry.record for entry in entries if entry.record]
    busy = {_of_any_suite(r, suite) for r in records if r.status is Status.RUNNING}
    paths: list[str] = []
    for path, record in ordered:
        model = _of_any_suite(record, suite)
        if model not in busy:
            busy.add(model)
            paths.append(path)
    return paths


def _of_any_suite(record: RequestRecord, suite: str) -> SubmissionIdentity:
    return request_identity(record, suite)._replace(suite="")


def check(path: str, settings: Settings, *, now: datetime) -> CheckedRequest:
    """Check a pending request. Pin it to a commit, or reject it with the report.

    A request is only returned for evaluation if this board has signed it, with a report of its own
    that has no error, on a commit. If the checks cannot be decided, the request records it with a
    growing pause, and at last waits for a person. If the Hub does not answer, it does not change.

    Raises:
        ForeignKey: Another installation evaluates these requests.
        StoreRefused: The store takes no changes from this installation, whatever the request.
        ConfigError: This installation cannot sign.
        StoreError: The requests store cannot be read.
    """
    queue = open_own_queue(settings)
    checked = contained(
        lambda: _check(path, queue, settings, now=now), f"The check of request {path!r}"
    )
    if isinstance(checked, CheckedRequest):
        return checked
    if isinstance(checked, StoreRefused):
        raise checked
    if isinstance(checked, LifecycleError):  # somebody else decided: the next poll sees what
        return CheckedRequest()
    problem = Failure(code=checked.code, message=checked.message)
    if not isinstance(checked, NOT_OF_THE_REQUEST):
        _hold(path, problem, queue, now)
    return CheckedRequest(problem=problem)


def hold(path: str, problem: EvalboardError, settings: Settings, *, now: datetime) -> None:
    """Let a request pause whose evaluation could not be started, so that others get its place.

    Raises:
        ForeignKey: Another installation evaluates these requests.
        ConfigError: This installation cannot sign.
    """
    failure = Failure(code=problem.code, message=problem.message)
    _hold(path, failure, open_own_queue(settings), now)


def _check(path: str, queue: RequestQueue, settings: Settings, *, now: datetime) -> CheckedRequest:
    entry = queue.entry(path)
    record = entry.record
    if record is None:
        raise RecordError(entry.problem)
    waits = record.status is Status.PENDING
    if waits and not (entry.is_signed and is_checked(record)):
        checked = check_request(record, settings)
        verdict = _unless_repeated(path, record, checked.record, queue, settings, now=now)
        record = queue.change(
            path, lambda _: verdict, over=entry.blob, message=f"check {record.model}"
        )
    report = record.evalboard.report
    return CheckedRequest(_passed(path, record), Report.model_validate(report) if report else None)


def _passed(path: str, record: RequestRecord) -> Startable | None:
    """Return a request if it has passed its checks and still waits."""
    if record.status is not Status.PENDING or not is_checked(record):
        return None
    block = record.evalboard
    return Startable(
        path, evaluation_of(path, record), attempt=block.attempts + 1, turn=len(block.history)
    )


def _hold(path: str, problem: Failure, queue: RequestQueue, now: datetime) -> None:
    """Record in a request that it could not be checked or started, as far as it can be written."""
    contained(
        lambda: queue.change(
            path, lambda record: undecided(record, problem, now=now), message=f"hold {path}"
        ),
        f"The change of request {path!r}",
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

    Raises:
        EngineError: This installation cannot make all checks.
    """
    report = Report.model_validate(checked.evalboard.report)
    suite = load_suite(settings.suite).name
    if report.ok and request_identity(checked, suite) != request_identity(before, suite):
        first = first_of_same(queue.entries(), path, checked, suite=suite, now=now)
        if first:
            return _refuse(repetition(first), now, checked)
    if not report.ok:
        return move(checked, Status.REJECTED, now=now, reason=report.summary())
    if not is_checked(checked):
        raise EngineError(_incomplete(report))
    passed = decided(checked)
    if passed.evalboard.history:
        return passed
    return note(passed, Status.PENDING, now=now, reason="submitted and checked")


def _incomplete(report: Report) -> str:
    left = [f.message for f in report.findings if f.code == CHECKED_BY_POLL]
    return (
        f"This installation cannot make all checks of {report.model!r}: {' '.join(left)} Install "
        "the libraries of a worker where the poll runs."
    )


def _refuse(finding: Finding, now: datetime, record: RequestRecord) -> RequestRecord:
    """Return a pending request as rejected with a finding, any other unchanged."""
    if record.status is not Status.PENDING:
        return record
    report = Report(model=record.model, revision=record.revision, findings=(finding,))
    rejected = move(record, Status.REJECTED, now=now, reason=report.summary())
    block = rejected.evalboard.model_copy(update={"report": report.to_document()})
    return rejected.model_copy(update={"evalboard": block})


def evaluation_of(path: str, record: RequestRecord) -> EvaluationRequest:
    """Return the evaluation that a request asks for."""
    return EvaluationRequest(
        **record.choice.choice_fields(),
        request_path=path,
        model_type=ModelType.parse(record.model_type),
        sender=record.sender,
        suite=record.evalboard.suite,
        benchmarks=record.evalboard.benchmarks,
    )
