"""Events start polls and reconciliations, on a Prefect server of this project."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Crashed, Failed

from evalboard.queueing.bell import Call, ring
from evalboard.settings import Settings
from evalboard_prefect.deployments import alerts, automations
from evalboard_prefect.deployments.deploying import deploy
from tests.deployments.serving import wait_for

POLL = "poll-requests/scheduled"
RECONCILE = "reconcile/scheduled"


@pytest.fixture
def started(deployed: SyncPrefectClient) -> Callable[[str], list[FlowRun]]:
    """Return a function with the runs of a deployment that no schedule made."""

    def runs(name: str) -> list[FlowRun]:
        deployment = deployed.read_deployment_by_name(name)
        of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id]))
        found = deployed.read_flow_runs(deployment_filter=of_it)
        return [run for run in found if not run.auto_scheduled]

    return runs


def test_of_two_submissions_at_once_one_poll_sees_both(
    started: Callable[[str], list[FlowRun]], settings: Settings
) -> None:
    assert not started(POLL)
    before = datetime.now(UTC)
    assert ring(settings)
    assert ring(settings)
    after = datetime.now(UTC)
    assert ring(settings, Call.LOST)  # heard after the two
    wait_for(lambda: started(RECONCILE))
    polls = wait_for(lambda: started(POLL))
    seen = [run for run in polls if run.expected_start_time and run.expected_start_time >= after]
    assert seen
    assert len(polls) == 1 or (after - before).total_seconds() > 3


def test_the_crash_of_an_evaluation_starts_a_reconciliation(
    deployed: SyncPrefectClient, started: Callable[[str], list[FlowRun]]
) -> None:
    known = {run.id for run in started(RECONCILE)}
    evaluation = deployed.read_deployment_by_name("evaluate-model/evaluate-model")
    parameters = {"request": {"model": "org/model"}}
    run = deployed.create_flow_run_from_deployment(evaluation.id, parameters=parameters)
    assert run.work_queue_name == "evaluations"
    deployed.set_flow_run_state(run.id, Crashed(), force=True)
    wait_for(lambda: [run for run in started(RECONCILE) if run.id not in known])


class Webhook(BaseHTTPRequestHandler):
    """A receiver of notifications."""

    heard: list[dict[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append(json.loads(body))
        self.send_response(200)
        self.end_headers()


@pytest.fixture
def webhook() -> Iterator[str]:
    Webhook.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as program:
        Thread(target=program.serve_forever).start()
        yield f"http://127.0.0.1:{program.server_port}/"
        program.shutdown()


def heard(subject: str, number: int = 1) -> list[dict[str, str]]:
    """Return the first notifications with a subject."""

    def told() -> list[dict[str, str]]:
        found = [one for one in Webhook.heard if one["subject"] == subject]
        return found if len(found) >= number else []

    return wait_for(told)[:number]


def test_failures_every_second_model_and_silence_are_notified_while_there_is_a_block(
    deployed: SyncPrefectClient, settings: Settings, webhook: str
) -> None:
    names = (alerts.FAILURE, alerts.SILENCE, alerts.MODELS)
    assert not any(deployed.read_automations_by_name(name) for name in names)
    block = CustomWebhookNotificationBlock(
        name="test",
        url=webhook,
        headers=None,
        cookies=None,
        json_data={"subject": "{{subject}}", "body": "{{body}}"},
    )
    block_id: Any = block.save(alerts.BLOCK)
    every_second = settings.model_copy(update={"alert_models": 2})
    list(deploy(every_second))
    assert list(deploy(every_second)) == []
    evaluation = deployed.read_deployment_by_name("evaluate-model/evaluate-model")

    def end(state: State[None]) -> None:
        run = deployed.create_flow_run_from_deployment(
            evaluation.id, name=f"org/{state.name}", parameters={"request": {"model": "org/m"}}
        )
        deployed.set_flow_run_state(run.id, state, force=True)

    end(Failed(message="the model cannot be loaded"))
    (failure,) = heard("evalboard: evaluate-model of org/Failed Failed")
    assert "the model cannot be loaded" in failure["body"]
    for _ in range(4):
        end(Completed(message="9 benchmarks stored"))
    heard("evalboard: 2 more models are done", number=2)
    (silence,) = deployed.read_automations_by_name(alerts.SILENCE)
    soon = silence.trigger.model_copy(update={"within": timedelta(seconds=10)})
    list(automations.put(deployed, [silence.model_copy(update={"trigger": soon})]))
    assert "45 minutes" in heard("evalboard: nobody polls the queue")[0]["body"]
    deployed.delete_block_document(block_id)
    assert sum("deleted" in done for done in deploy(settings)) == 3


class Foreign(BaseHTTPRequestHandler):
    """A server without CSRF protection, which notes what it is told."""

    heard: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        self.send_error(422)

    def do_POST(self) -> None:
        self.heard.append((self.path, self.headers["Authorization"]))
        self.send_response(204)
        self.end_headers()


@pytest.fixture
def foreign() -> Iterator[ThreadingHTTPServer]:
    Foreign.heard = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Foreign) as program:
        Thread(target=program.serve_forever).start()
        yield program
        program.shutdown()


def test_the_password_is_told_and_a_server_that_does_not_answer_fails_nothing(
    foreign: ThreadingHTTPServer,
) -> None:
    settings = Settings.model_validate(
        {
            "prefect_api_url": f"http://127.0.0.1:{foreign.server_port}/api",
            "server_password": "name:word",
        }
    )
    assert ring(settings)
    assert Foreign.heard == [("/api/events", "Basic bmFtZTp3b3Jk")]
    closed = settings.model_copy(update={"prefect_api_url": "http://127.0.0.1:9/api"})
    assert not ring(closed)
    assert not ring(settings.model_copy(update={"prefect_api_url": None}))
