"""What Prefect says of runs, and what becomes of their requests."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect import flow, get_client
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Cancelling, Crashed, Failed, Running

from deployments import automations
from evalboard.intake.polling import CheckedRequest
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import claim
from evalboard.queueing.claims import server_name
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from flows import action_flows
from flows.evaluate_flow import evaluate_model
from flows.reconcile_flow import reconcile
from tasks.poll_tasks import start_evaluation

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
        (Cancelling(), Status.RUNNING),
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
    assert action_flows.cancel([path], return_state=True).is_completed()
    assert queue.get(path).status is Status.CANCELLED
    assert action_flows.requeue(["TEST/model"], return_state=True).is_completed()
    assert queue.get(path).status is Status.PENDING
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
        return start_evaluation(CheckedRequest(path, request, 1, None))

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
def test_automations_are_installed_once() -> None:
    automations.install()
    automations.install()
    with get_client(sync_client=True) as client:
        found = client.read_automations_by_name(automations.SILENT_RUNS.name)
    assert [one.enabled for one in found] == [True]
