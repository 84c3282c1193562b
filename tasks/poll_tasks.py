"""Tasks of the poll."""

from datetime import UTC, datetime, timedelta
from functools import partial

from prefect import get_client, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment

from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.intake import polling
from evalboard.intake.submission import EvaluationRequest
from evalboard.queueing import actions
from evalboard.queueing.queries import RequestQuery
from evalboard.wording import plain
from evalboard_prefect.tasks.settings import load_settings

EVALUATE_DEPLOYMENT = "evaluate-model/evaluate-model"
POLL_DEPLOYMENT = "poll-requests/scheduled"


@task(name="Read queue", cache_policy=NO_CACHE)
def read_queue() -> polling.QueueView:
    """Return the pending requests in order."""
    log = get_run_logger()
    waiting = polling.view_queue(load_settings(), now=datetime.now(UTC))
    if waiting.warning:
        log.warning("%s", waiting.warning)
    for path, reason in waiting.refused.items():
        log.warning("%s rejected: %s", plain(path), plain(reason))
    log.info("%d pending, %d free slots", len(waiting.paths), waiting.free_slots)
    return waiting


@task(name="Check", cache_policy=NO_CACHE)
def check_request(path: str) -> polling.CheckedRequest:
    """Check one pending request. Reject it with the report, or pin its revision."""
    checked = polling.check(path, load_settings(), now=datetime.now(UTC))
    log = get_run_logger()
    if checked.problem:
        log.error("%s is undecided: %s", plain(path), plain(checked.problem.message))
    elif checked.report and not checked.report.ok:
        log.warning("%s rejected: %s", plain(path), plain(checked.report.summary()))
    return checked


@task(name="Start evaluation", cache_policy=NO_CACHE)
def start_evaluation(startable: polling.Startable) -> str | None:
    """Start one evaluation as a flow run, at most once per attempt, and return its id.

    A run that dies before it claims the request is followed by another run. If a person cancels a
    run before its claim, the request is cancelled too: the attempt was not claimed, so the run was
    not cancelled for losing it.

    Returns:
        None if there is no run. If none could be started, or each died before its claim, the
        request pauses, so that it does not hold the place of others.
    """
    started = contained(partial(_start, startable), f"The start of {startable.path!r}")
    if isinstance(started, EvalboardError):
        get_run_logger().error("%s", plain(started.message))
        polling.hold(startable.path, started, load_settings(), now=datetime.now(UTC))
        return None
    return started


@task(name="Plan next poll", cache_policy=NO_CACHE)
def plan_next_poll(started: list[str]) -> datetime | None:
    """Schedule a poll for the time at which one is due that nothing else tells of.

    Polls that agree on the time to the minute schedule one.
    """
    due = polling.next_poll(load_settings(), started, now=datetime.now(UTC))
    if due is None:
        return None
    at = due.replace(second=0, microsecond=0) + timedelta(minutes=1)
    run_deployment(
        POLL_DEPLOYMENT,
        timeout=0,
        scheduled_time=at,
        idempotency_key=f"poll:{at.isoformat()}",
        as_subflow=False,
    )
    get_run_logger().info("the next poll is at %s", at.isoformat())
    return at


def _start(startable: polling.Startable) -> str | None:
    log = get_run_logger()
    path = startable.path
    for number in range(polling.MAX_STARTS_PER_ATTEMPT):
        run = _run(startable.request, f"{path}:{startable.attempt}:{startable.turn}:{number}")
        state = run.state
        if state is None or not state.is_final():
            log.info("%s started as run %s", plain(path), run.id)
            return str(run.id)
        if state.is_cancelled():
            queries = [RequestQuery(path)]
            actions.cancel(queries, load_settings(), now=datetime.now(UTC), by="its flow run")
            log.warning("%s cancelled, as run %s was", plain(path), run.id)
            return None
    raise EvalboardError(
        f"{polling.MAX_STARTS_PER_ATTEMPT} runs ended before they claimed request "
        f"{path!r}. Check their logs."
    )


def _run(request: EvaluationRequest, key: str) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.create_flow_run_from_deployment(
            client.read_deployment_by_name(EVALUATE_DEPLOYMENT).id,
            parameters={"request": request.model_dump(mode="json", exclude_none=True)},
            idempotency_key=key,
        )
