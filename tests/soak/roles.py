"""The processes of a soak: what Prefect's flows do, with the product's own functions, for ever."""

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import NamedTuple

from evalboard import publishing
from evalboard.attempt.closing import close_attempt, failure_of
from evalboard.attempt.model import Attempt
from evalboard.attempt.opening import open_attempt
from evalboard.errors import EvalboardError, LifecycleError
from evalboard.intake import polling
from evalboard.lifecycle import move
from evalboard.process_environment import environment_of, set_environment
from evalboard.queueing import actions
from evalboard.queueing import reconcile as core
from evalboard.queueing.claims import server_name
from evalboard.queueing.queries import RequestQuery
from evalboard.records.request import Failure, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import RequestQueue
from tests.soak import evaluating
from tests.soak.audit import Audit
from tests.soak.runs import Run, Runs, State
from tests.soak.striking import Moment

IDLE_SECONDS = 0.05
MEDDLE_SECONDS = 0.3


class Desk(NamedTuple):
    """What a process works with."""

    settings: Settings
    runs: Runs
    audit: Audit
    reach: Callable[[Moment], None]
    """To be called at the moments at which it may be killed."""
    paths: tuple[str, ...]
    """Of all requests."""
    poll_seconds: float


def poller(desk: Desk) -> float:
    """Poll once, as `flows.poll_flow`; return the seconds until the next time."""
    with _trouble(desk, "poll"):
        waiting = polling.view_queue(desk.settings, now=_now())
        accepted: list[polling.Startable] = []
        for path in waiting.paths:
            if len(accepted) == waiting.free_slots:
                break
            with _trouble(desk, "check"):
                checked = polling.check(path, desk.settings, now=_now())
                if problem := checked.problem:
                    desk.audit.note(
                        "trouble", where="check", code=problem.code, message=problem.message
                    )
                if checked.startable:
                    accepted.append(checked.startable)
        for startable in accepted:
            if desk.runs.start(startable) is None:
                message = f"{startable.path}: too many runs ended before they claimed it"
                desk.audit.note("trouble", where="start", code="", message=message)
        publishing.publish_queue(desk.settings)
    return desk.poll_seconds


def worker(desk: Desk) -> float:
    """Take a run that waits, and do what `flows.evaluate_flow` does."""
    run = desk.runs.take(os.getpid())
    if run is None:
        return IDLE_SECONDS
    try:
        attempt = open_attempt(run.request, desk.settings, run_id=run.id, run_url="", now=_now())
    except LifecycleError as exc:
        desk.audit.note("lost", run=run.id, message=exc.message)
    except EvalboardError as exc:
        _note(desk, "claim", exc)
    else:
        _evaluate(desk, run, attempt)
    desk.runs.end(run.id, State.OVER)
    return 0.0


def reconciler(desk: Desk) -> float:
    """Reconcile once, as `flows.reconcile_flow`."""
    with _trouble(desk, "reconcile"):
        states = desk.runs.states(core.claimed_runs(desk.settings))
        done = core.reconcile(desk.settings, states, now=_now(), server=server_name(desk.settings))
        for kind in ("released", "failed", "finished", "cancelled"):
            for changed in getattr(done, kind):
                desk.audit.note(kind, path=changed.path)
        for path in done.unrequested:
            desk.audit.note("unrequested", path=path)
        for message in done.problems.values():
            desk.audit.note("trouble", where="reconcile", code="", message=message)
        publishing.publish_queue(desk.settings)
    return 1.5 * desk.poll_seconds


def person(desk: Desk) -> float:
    """Change requests: a priority, a key of another program, and a cancelling that is undone."""
    for act in random.sample(ACTS, len(ACTS)):
        with _trouble(desk, "person"):
            act(desk, random.choice(desk.paths))
    return len(ACTS) * MEDDLE_SECONDS


def _prioritise(desk: Desk, path: str) -> None:
    value = random.randrange(100)
    (acted,) = actions.prioritise([RequestQuery(path)], value, desk.settings)
    if acted.record:
        desk.audit.note("edited", path=path, key="priority", value=value)


def _write_key(desk: Desk, path: str) -> None:
    key, value = f"note_{random.randrange(10**9)}", random.randrange(100)
    _queue(desk).change(path, lambda record: record.model_copy(update={key: value}), message="note")
    desk.audit.note("edited", path=path, key=key, value=value)


def _cancel_and_requeue(desk: Desk, path: str) -> None:
    """Do it to a request that nobody has worked on: a run of it may be about to claim it."""

    def cancelled(record: RequestRecord) -> RequestRecord:
        if record.status is not Status.PENDING or record.evalboard.attempts:
            return record
        return move(record, Status.CANCELLED, now=_now(), reason="by a person")

    if _queue(desk).change(path, cancelled, message="cancel").status is Status.CANCELLED:
        time.sleep(random.uniform(0.0, MEDDLE_SECONDS))
        (acted,) = actions.requeue([RequestQuery(path)], desk.settings, now=_now())
        desk.audit.note("requeued", path=path, problem=acted.problem)


ACTS = (_prioritise, _write_key, _cancel_and_requeue)


def _queue(desk: Desk) -> RequestQueue:
    return open_own_queue(desk.settings)


ROLES: dict[str, Callable[[Desk], float]] = {
    "poller": poller,
    "worker": worker,
    "reconciler": reconciler,
    "person": person,
}


def live(role: str, desk: Desk, is_over: Callable[[], bool]) -> None:
    """Be a process of that role until the soak is over."""
    random.seed(os.getpid())
    set_environment(environment_of(desk.settings))
    while not is_over():
        time.sleep(random.uniform(0.5, 1.5) * ROLES[role](desk))


def _evaluate(desk: Desk, run: Run, attempt: Attempt) -> None:
    desk.audit.note("began", run=run.id, path=attempt.request_path)
    desk.reach(Moment.CLAIMED)
    plan, facts = None, None
    failures: dict[str, Failure] = {}
    try:
        plan = evaluating.plan(attempt)
        if plan.waiting:
            facts = evaluating.FACTS
            failures = evaluating.evaluate(attempt, plan, desk.reach)
    except EvalboardError as exc:
        _note(desk, "evaluate", exc)
        failures[""] = failure_of(exc, attempt)
    desk.reach(Moment.CLOSING)
    if failures:  # once the request says so, another run may begin
        desk.audit.note("ended", run=run.id)
    with _trouble(desk, "close"):
        close_attempt(attempt, plan, facts, failures, now=_now())
    if not failures:
        desk.audit.note("ended", run=run.id)


@contextmanager
def _trouble(desk: Desk, where: str) -> Iterator[None]:
    """Note an error of the product and go on, as Prefect does with a run that failed."""
    try:
        yield
    except EvalboardError as exc:
        _note(desk, where, exc)


def _note(desk: Desk, where: str, exc: EvalboardError) -> None:
    desk.audit.note("trouble", where=where, code=exc.code, message=exc.message[:1000])


def _now() -> datetime:
    return datetime.now(UTC)
