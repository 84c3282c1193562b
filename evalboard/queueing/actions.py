"""What people do to the queue: start again, stop, put first. Several requests are one commit."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from evalboard import lifecycle
from evalboard.errors import EvalboardError
from evalboard.queueing.finding import Wanted, find_one
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.opening import open_queue

WAITING = (Status.PENDING,)
UNFINISHED = (Status.PENDING, Status.RUNNING)
STOPPED = (Status.FAILED, Status.REJECTED, Status.CANCELLED)

Decide = Callable[[str, RequestRecord], RequestRecord]
"""Path and record to the record after."""


class Acted(NamedTuple):
    """What became of one request."""

    path: str
    record: RequestRecord | None
    """As it is now; None when it was not changed."""
    problem: str = ""
    """What did not work; with a record, a thing after the change."""


def requeue(
    wanted: Sequence[Wanted], settings: Settings, *, now: datetime, by: str = ""
) -> list[Acted]:
    """Start failed, rejected and cancelled requests again, and end the pause of pending ones.

    Args:
        wanted: Which requests.
        settings: Where the queue is.
        now: The current time.
        by: Who wants it, for the request's history.

    Raises:
        ConfigError: A request is unknown, or a name means several; nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    reason = f"started again by {by or 'a person'}"
    return _change(
        wanted,
        settings,
        (*STOPPED, *WAITING),
        lambda _, record: lifecycle.requeue(record, now=now, reason=reason),
        "requeue",
    )


def prioritise(wanted: Sequence[Wanted], priority: int, settings: Settings) -> list[Acted]:
    """Give pending requests another priority; higher is earlier, 0 is the usual.

    Raises:
        ConfigError: A request is unknown, or a name means several; nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    return _change(
        wanted,
        settings,
        WAITING,
        lambda _, record: lifecycle.prioritise(record, priority),
        "prioritise",
    )


def cancel(
    wanted: Sequence[Wanted],
    settings: Settings,
    *,
    now: datetime,
    by: str = "",
    stop_run: Callable[[str], None] | None = None,
) -> list[Acted]:
    """Cancel requests, and stop the runs that work on them.

    The request is cancelled first, by compare-and-swap: a run that cannot be told still sees it
    there, and no other one takes the request up.

    Args:
        wanted: Which requests.
        settings: Where the queue is.
        now: The current time.
        by: Who wants it, for the request's history.
        stop_run: Asks for the end of a run by its id, and raises an `EvalboardError` when that
            cannot be done. None: the runs only see it in their requests.

    Raises:
        ConfigError: A request is unknown, or a name means several; nothing was changed.
        StoreError: The queue cannot be read or written.
    """
    runs: dict[str, str] = {}

    def decide(path: str, record: RequestRecord) -> RequestRecord:
        claim = record.evalboard.claimed_by if record.status is Status.RUNNING else None
        runs[path] = claim.run_id if claim else ""
        reason = f"cancelled by {by or 'a person'}"
        return lifecycle.move(record, Status.CANCELLED, now=now, reason=reason)

    acted = _change(wanted, settings, UNFINISHED, decide, "cancel")
    if stop_run is None:
        return acted
    return [_stopped(one, runs, stop_run) for one in acted]


def _stopped(acted: Acted, runs: dict[str, str], stop_run: Callable[[str], None]) -> Acted:
    """Stop the run of a request that was cancelled, where one worked on it."""
    run = runs[acted.path] if acted.record else ""
    if run:
        try:
            stop_run(run)
        except EvalboardError as exc:
            return acted._replace(problem=exc.message)
    return acted


def _change(
    wanted: Sequence[Wanted],
    settings: Settings,
    statuses: Sequence[Status],
    decide: Decide,
    verb: str,
) -> list[Acted]:
    queue = open_queue(settings)
    entries = queue.entries()
    paths = list(dict.fromkeys(find_one(entries, each, statuses).path for each in wanted))
    if not paths:
        return []
    changed = queue.change_many(
        {path: partial(decide, path) for path in paths}, message=f"{verb} {_named(paths)}"
    )
    return [_acted(path, changed[path]) for path in paths]


def _acted(path: str, after: RequestRecord | EvalboardError) -> Acted:
    if isinstance(after, EvalboardError):
        return Acted(path, None, after.message)
    return Acted(path, after)


def _named(paths: list[str]) -> str:
    return paths[0] if len(paths) == 1 else f"{len(paths)} requests"
