"""Check the next request and find its files, while engines work for others."""

import time
from collections.abc import Callable
from datetime import datetime

from evalboard.attempt.model import Attempt
from evalboard.attempt.opening import engine_spec
from evalboard.attempt.running import has_work
from evalboard.engine.examining import why_unfit
from evalboard.engine.placing.preparing import prepare_files
from evalboard.engine.spec import EngineSpec
from evalboard.intake.polling import check
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import order_pending
from evalboard.queueing.claims import server_name, takes_slot
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.suites.loader import find_suite
from evalboard.suites.model import Suite

NAME = "ahead"
"""Instead of a run's, for the log."""
Prepared = set[tuple[str, str]]
"""Paths and revisions of requests whose turn it was."""


def prepare_next(
    settings: Settings,
    prepared: Prepared,
    *,
    now: datetime,
    find_files: Callable[[EngineSpec], None] = prepare_files,
) -> None:
    """Check the next request as a poll does and find its files, if other requests are evaluated here.

    Where all its scores are stored, it needs none. What is wrong with the files is said when the
    model is loaded.

    Args:
        settings: The settings.
        prepared: What was done before. The request is added.
        now: Requests that pause beyond this time are not next.
        find_files: Finds the files for an engine, here or where it will be.

    Raises:
        EvalboardError: The queue cannot be read, the request cannot be planned, or the files cannot
            be found.
    """
    found = _next_request(settings, now)
    if found is None or found in prepared or why_unfit(settings):
        return
    path, _ = found
    startable = check(path, settings, now=now).startable
    if startable is None or (path, startable.request.revision) in prepared:
        return
    request = startable.request
    if (suite := find_suite(request.suite, settings)) is None:
        return
    prepared.add((path, request.revision))
    attempt = _coming(path, request, suite, settings)
    if has_work(attempt):
        find_files(attempt.engine)


def _coming(path: str, request: EvaluationRequest, suite: Suite, settings: Settings) -> Attempt:
    """Return the attempt that the next run will make, without its claim."""
    record = open_own_queue(settings).get(path)
    return Attempt(
        request=request,
        is_trial=False,
        record=record,
        request_path=path,
        run_id=NAME,
        run_url="",
        suite=suite,
        engine=engine_spec(request, record, suite, settings, NAME),
        started=time.time(),
    )


def _next_request(settings: Settings, now: datetime) -> tuple[str, str] | None:
    """Return path and revision of the next request, None if no other one is evaluated here."""
    entries = open_own_queue(settings).entries()
    known = {e.path: e.record for e in entries if e.counts and e.record is not None}
    server = server_name(settings)
    if not any(takes_slot(record, server) for record in known.values()):
        return None
    waiting = order_pending(known.items(), now=now)
    return next(((path, known[path].revision) for path, _ in waiting), None)
