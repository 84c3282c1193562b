"""What Prefect says of runs, and what becomes of their requests."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, get_client
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    FlowRun,
    State,
)
from prefect.settings import get_current_settings
from prefect.states import Cancelled, Cancelling, Crashed, Failed, Pending, Running

from evalboard.intake.polling import Startable
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import claim
from evalboard.process_environment import child_environment
from evalboard.queueing import presence
from evalboard.queueing.claims import server_name
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard_prefect.flows import action_flows
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from evalboard_prefect.flows.poll_flow import poll_requests
from evalboard_prefect.flows.reconcile_flow import reconcile
from evalboard_prefect.tasks.poll_tasks import start_evaluation
from tests.pipeline.runs import REPOSITORY, wait_until
from tests.queueing.test_backfill import store
from tests.signing import put_signed

SHA = "0" * 40


@flow
def nothing() -> None:
    """Do nothing: only its runs and their states matter."""


def run_in(state: State[Any]) -> str:
    """Return the id of a run that is in a state."""
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(nothing, state=Running())
        client.set_flow_run_state(run.id, state, force=True)
    return str(run.id)


def claimed_by(run_id: str, settings: Settings, *, model: str) -> str:
    """Put a request into the queue that a run on another machine claimed an hour ago."""
    queue = open_queue(settings)
    path = queue.add(RequestRecord(model=model, revision=SHA))
    held = Claim(run_id=run_id, host="elsewhere", server=server_name(settings))
    then = datetime.now(UTC) - timedelta(hours=1)
    queue.change(path, lambda record: claim(record, held, now=then), message="test")
    return path


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("state", "status"),
    [
        (Running(), Status.RUNNING),
        (Cancelling(), Status.CANCELLED),
        (Crashed(), Status.PENDING),
        (Failed(), Status.PENDING),
        (Cancelled(), Status.CANCELLED),
    ],
)
def test_a_request_follows_its_run(
    configure: Callable[..., Settings], state: State[Any], status: Status
) -> None:
    settings = configure()
    path = claimed_by(run_in(state), settings, model="test/model")
    reconcile()
    assert open_queue(settings).get(path).status is status


@pytest.mark.usefixtures("prefect_server")
def test_a_run_that_nobody_knows_gives_its_request_back(
    configure: Callable[..., Settings],
) -> None:
    settings = configure()
    path = claimed_by("3fa85f64-5717-4562-b3fc-2c963f66afa6", settings, model="test/model")
    strange = claimed_by("not-a-run-of-prefect", settings, model="test/other")
    done = reconcile()
    assert {one.path for one in done.released} == {path, strange}


@pytest.mark.usefixtures("prefect_server")
def test_people_change_the_queue_with_flows(configure: Callable[..., Settings]) -> None:
    settings = configure()
    queue = open_queue(settings)
    path = queue.add(RequestRecord(model="test/model", revision=SHA))
    assert action_flows.prioritise(["test/model"], 7, return_state=True).is_completed()
    assert queue.get(path).evalboard.priority == 7
    other = action_flows.cancel(["test/model"], suite="demo", return_state=True)
    assert other.is_failed()
    named = action_flows.cancel(["test/model"], suite="open-medical", return_state=True)
    assert named.is_completed()
    assert queue.get(path).status is Status.CANCELLED
    assert action_flows.requeue(["TEST/model"], return_state=True).is_completed()
    assert queue.get(path).status is Status.PENDING
    done = put_signed(
        settings, RequestRecord(model="test/done", revision=SHA, status=Status.FINISHED)
    )
    store(settings, "test/done", {"medmcqa": 0.5}, sha=SHA, facts={"suite": "open-medical"})
    assert action_flows.backfill(dry_run=True, return_state=True).is_completed()
    assert queue.get(done).status is Status.FINISHED
    assert action_flows.backfill(benchmarks=("pubmedqa",), return_state=True).is_completed()
    assert queue.get(done).evalboard.benchmarks == ("pubmedqa",)
    assert action_flows.backfill(suite="none", return_state=True).is_failed()
    unknown = action_flows.cancel(["test/nothing"], return_state=True)
    assert unknown.is_failed()
    assert "test/nothing" in (unknown.message or "")


@pytest.mark.usefixtures("prefect_server")
def test_cancelling_a_running_request_tells_its_run(configure: Callable[..., Settings]) -> None:
    settings = configure()
    run_id = run_in(Running())
    path = claimed_by(run_id, settings, model="test/model")
    assert action_flows.cancel([path], return_state=True).is_completed()
    assert open_queue(settings).get(path).status is Status.CANCELLED
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(run_id))
    assert run.state
    assert run.state.is_cancelling()


@pytest.fixture
def start(configure: Callable[..., Settings]) -> Callable[[str], str | None]:
    """Return a function that starts the evaluation of a request as the poll does."""
    configure()
    deployment: Any = evaluate_model.to_deployment("evaluate-model")
    deployment.apply()

    @flow
    def starts(path: str) -> str | None:
        request = EvaluationRequest(model="test/model", request_path=path)
        return start_evaluation(Startable(path, request, attempt=1, turn=0))

    return starts


@pytest.mark.usefixtures("prefect_server")
def test_two_polls_start_one_run_and_a_dead_one_is_followed_by_another(
    configure: Callable[..., Settings], start: Callable[[str], str | None]
) -> None:
    path = open_queue(configure()).add(RequestRecord(model="test/model", revision="1" * 40))
    first = start(path)
    assert first == start(path)
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(first or "", Crashed(), force=True)
    second = start(path)
    assert second not in (None, first)
    assert second == start(path)


@pytest.mark.usefixtures("prefect_server")
def test_a_run_that_was_cancelled_before_its_claim_cancels_the_request(
    configure: Callable[..., Settings], start: Callable[[str], str | None]
) -> None:
    settings = configure()
    path = open_queue(settings).add(RequestRecord(model="test/model", revision="2" * 40))
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(start(path) or "", Cancelled(), force=True)
    assert start(path) is None
    assert open_queue(settings).get(path).status is Status.CANCELLED


@pytest.mark.usefixtures("prefect_server")
def test_a_poll_that_is_killed_with_its_worker_makes_place_for_the_next(
    configure: Callable[..., Settings],
) -> None:
    settings = configure()
    limit = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    deployment: Any = poll_requests.to_deployment("held", concurrency_limit=limit)
    deployment.entrypoint = "tests.pipeline.held_poll.poll_requests"
    deployment_id = deployment.apply()

    def submit() -> FlowRun:
        """Do what a worker does before it starts a run's process."""
        with get_client(sync_client=True) as client:
            run = client.create_flow_run_from_deployment(deployment_id)
            client.set_flow_run_state(run.id, Pending())
            return client.read_flow_run(run.id)

    run = submit()
    variables = {"PREFECT__FLOW_RUN_ID": str(run.id), "PYTHONPATH": str(REPOSITORY)}
    api = str(get_current_settings().api.url)
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect.engine"],
        env=child_environment(settings, PREFECT_API_URL=api, **variables),
    )
    wait_until(lambda: presence.is_alive(str(run.id), settings) is True, process)
    process.kill()
    process.wait()
    blocked = submit().state
    assert blocked
    assert blocked.is_cancelled()

    reconcile()
    next_one = submit().state
    assert next_one
    assert next_one.is_pending()
    with get_client(sync_client=True) as client:
        ended = client.read_flow_run(run.id).state
    assert ended
    assert ended.is_crashed()
