"""Actions of people on the queue: requeue, cancel, prioritise. Several requests are one commit."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from evalboard import lifecycle
from evalboard.errors import EvalboardError, LifecycleError
from evalboard.queueing.bell import ring
from evalboard.queueing.claims import server_name
from evalboard.queueing.judging import RunState, Verdict, judge
from evalboard.queueing.queries import RequestQuery, find_one
from evalboard.queueing.reconcile import evidence_on
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.suites.loader import load_suite

WAITING = (Status.PENDING,)
UNFINISHED = (Status.PENDING, Status.RUNNING)

AskRuns = Callable[[list[str]], Mapping[str, RunState]]
"""Returns the states of runs by id. The server does not know missing ones."""
Decide = Callable[[str, RequestRecord], RequestRecord]
"""Returns the new record for a path and a record."""


class RequestChange(NamedTuple):
    """The outcome for one request."""

    path: str
    record: RequestRecord | None
    """The current record, None if it was not changed."""
    problem: str = ""
    """The problem. With a record, a problem after the change."""


def requeue(
    queries: Sequence[RequestQuery],
    settings: Settings,
    *,
    now: datetime,
    by: str = "",
    ask_runs: AskRuns | None = None,
) -> list[RequestChange]:
    """Restart failed, rejected and cancelled requests, and end the pause of pending ones.

    A RUNNING request is restarted if nothing shows that its run is alive. The person knows better
    then: a run that is alive after all sees that its request was taken away, and stops.

    Of a file that another program wrote only the submission counts: the next poll checks it.

    Args:
        queries: The requests.
        settings: The settings.
        now: The current time.
        by: Name of the person, for the request's history.
        ask_runs: Asks the Prefect server of the settings. None: it is not asked.

    Raises:
        ConfigError: A request is unknown, or a name matches several. Nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    reason = f"restarted by {by or 'a person'}"

    def decide(path: str, record: RequestRecord) -> RequestRecord:
        is_running = record.status is Status.RUNNING
        if is_running and not _is_lost(record, settings, ask_runs, now):
            raise LifecycleError(
                f"Request {path!r} is being evaluated, as far as this machine can see. Cancel it "
                "first. If its run has just died, try again in two minutes."
            )
        return lifecycle.requeue(record, now=now, reason=reason, is_lost=is_running)

    return _change(queries, settings, (*lifecycle.STOPPED, *WAITING), decide, "requeue")


def _is_lost(
    record: RequestRecord, settings: Settings, ask_runs: AskRuns | None, now: datetime
) -> bool:
    """Return whether nothing shows that the run of a RUNNING request is alive."""
    claim = record.evalboard.claimed_by
    if claim is None:
        return False  # another program's, which has a day
    runs = ask_runs([claim.run_id]) if ask_runs else {}
    server = server_name(settings) if ask_runs else ""
    evidence = evidence_on(record, claim, settings, runs, server=server, now=now)
    return judge(evidence) is not Verdict.LEAVE


def prioritise(
    queries: Sequence[RequestQuery], priority: int, settings: Settings
) -> list[RequestChange]:
    """Change the priority of pending requests. Higher ones run earlier; the default is 0.

    Raises:
        ConfigError: A request is unknown, or a name matches several. Nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    return _change(
        queries,
        settings,
        WAITING,
        lambda _, record: lifecycle.prioritise(record, priority),
        "prioritise",
    )


def cancel(
    queries: Sequence[RequestQuery],
    settings: Settings,
    *,
    now: datetime,
    by: str = "",
    stop_run: Callable[[str], None] | None = None,
) -> list[RequestChange]:
    """Cancel requests and stop their runs.

    The request is cancelled first, by compare-and-swap: a run that cannot be reached still sees it,
    and no other run claims the request.

    Args:
        queries: The requests.
        settings: The settings.
        now: The current time.
        by: Name of the person, for the request's history.
        stop_run: Stops a run by its id, or raises an `EvalboardError`. None: the runs only see the
            cancellation in their requests.

    Raises:
        ConfigError: A request is unknown, or a name matches several. Nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    runs: dict[str, str] = {}

    def decide(path: str, record: RequestRecord) -> RequestRecord:
        claim = record.evalboard.claimed_by if record.status is Status.RUNNING else None
        runs[path] = claim.run_id if claim else ""
        reason = f"cancelled by {by or 'a person'}"
        return lifecycle.move(record, Status.CANCELLED, now=now, reason=reason)

    changes = _change(queries, settings, UNFINISHED, decide, "cancel")
    if stop_run is None:
        return changes
    return [_stopped(one, runs, stop_run) for one in changes]


def _stopped(
    change: RequestChange, runs: dict[str, str], stop_run: Callable[[str], None]
) -> RequestChange:
    """Stop the run of a cancelled request, if it had one."""
    run = runs[change.path] if change.record else ""
    if run:
        try:
            stop_run(run)
        except EvalboardError as exc:
            return change._replace(problem=exc.message)
    return change


def _change(
    queries: Sequence[RequestQuery],
    settings: Settings,
    statuses: Sequence[Status],
    decide: Decide,
    verb: str,
) -> list[RequestChange]:
    queue = open_own_queue(settings)
    entries = queue.entries()
    board = load_suite(settings.suite).name if any(each.suite for each in queries) else ""
    found = (find_one(entries, each, statuses, board_suite=board) for each in queries)
    paths = list(dict.fromkeys(each.path for each in found))
    if not paths:
        return []
    changed = queue.change_many(
        {path: partial(decide, path) for path in paths}, message=f"{verb} {_named(paths)}"
    )
    ring(settings)
    return [as_change(path, changed[path]) for path in paths]


def as_change(path: str, after: RequestRecord | EvalboardError) -> RequestChange:
    """Return the outcome of a change that was asked of the queue."""
    if isinstance(after, EvalboardError):
        return RequestChange(path, None, after.message)
    return RequestChange(path, after)


def _named(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} requests"
