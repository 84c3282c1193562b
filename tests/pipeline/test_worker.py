"""A plain Prefect worker, whose run is ended while a model is evaluated."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from prefect import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import State
from prefect.deployments import run_deployment
from prefect.settings import get_current_settings
from prefect.states import AwaitingRetry, Cancelling

from evalboard.intake.polling import check, view_queue
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from evalboard_prefect.flows.reconcile_flow import reconcile
from tests.pipeline.runs import REPOSITORY, own_environment, wait_until

POOL = "ends"
TITLE = "evaluate-model/held"


@pytest.fixture
def settings(configure: Callable[..., Settings], small_suite: Path, shared_server: str) -> Settings:
    return configure(
        suite=str(small_suite), backend="hf", max_running=1, prefect_api_url=shared_server
    )


@pytest.fixture
def worker(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    """Start a worker with the deployment of a flow that waits after its first benchmark."""
    settings.home.mkdir(parents=True)
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"), overwrite=True)
    deployment: Any = evaluate_model.to_deployment("held", work_pool_name=POOL)
    deployment.entrypoint = "tests.pipeline.held_flow.evaluate_model"
    deployment.apply()
    with (settings.home / "worker.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL],
            env=own_environment(settings)
            | {
                "PREFECT_API_URL": str(get_current_settings().api.url),
                "PREFECT_WORKER_QUERY_SECONDS": "1",
                "PYTHONPATH": str(REPOSITORY),
            },
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    yield process
    for each in [*psutil.Process(process.pid).children(recursive=True), process]:
        each.kill()
    process.wait()


@pytest.fixture
def run(settings: Settings, worker: subprocess.Popen[bytes]) -> UUID:
    """Start a run as the poll does, and wait until it has finished one benchmark."""
    submit(Submission(model="test/random", precision=Precision.FLOAT32), settings)
    (path,) = view_queue(settings).paths
    startable = check(path, settings, now=datetime.now(UTC)).startable
    assert startable
    parameters = {"request": startable.request.model_dump(mode="json")}
    started: Any = run_deployment(TITLE, parameters=parameters, timeout=0)
    outcomes = settings.work_folder / "outcomes"
    wait_until(lambda: len(list(outcomes.glob("*.json"))) == 1, worker)
    return started.id


def state_of(run: UUID) -> State[Any]:
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(run).state
    assert state is not None
    return state


def request_in(settings: Settings) -> RequestRecord:
    (entry,) = open_queue(settings).entries()
    assert entry.record is not None
    return entry.record


@pytest.mark.slow
def test_a_run_that_is_stopped_hands_back_its_request(
    settings: Settings, worker: subprocess.Popen[bytes], run: UUID
) -> None:
    assert request_in(settings).evalboard.claimed_by is not None
    (flow,) = psutil.Process(worker.pid).children()
    started = flow.children(recursive=True)
    flow.terminate()
    wait_until(lambda: state_of(run).is_final(), worker)
    assert state_of(run).is_crashed()
    _, left = psutil.wait_procs(started, timeout=60)
    assert left == []
    record = request_in(settings)
    assert (record.status, record.evalboard.lost_runs) == (Status.PENDING, 0)
    assert "was ended" in record.evalboard.history[-1].reason
    assert list((settings.work_folder / "answers").glob("*.jsonl"))
    assert list((settings.work_folder / "runs").iterdir()) == []
    said = (settings.home / "worker.log").read_text(encoding="utf-8")
    assert "SIGTERM received" not in said  # Ray's own words for it, with a stack trace


@pytest.mark.slow
def test_a_run_that_is_cancelled_in_prefect_ends_cancelled_and_goes_on_when_it_is_retried(
    settings: Settings, worker: subprocess.Popen[bytes], run: UUID
) -> None:
    with get_client(sync_client=True) as client:
        client.set_flow_run_state(run, Cancelling())

    def is_over() -> bool:
        reconcile()
        assert request_in(settings).status is not Status.PENDING
        return state_of(run).is_final()

    wait_until(is_over, worker)
    assert state_of(run).is_cancelled()
    assert request_in(settings).status is Status.CANCELLED

    def goes_on() -> bool:
        # Prefect's worker may notice only now that the process is gone, and ends the run once more.
        if state_of(run).is_final():
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run, AwaitingRetry(message="Retry from the UI"))
        return request_in(settings).status is Status.RUNNING

    wait_until(goes_on, worker)
    assert request_in(settings).job_id == str(run)
    assert request_in(settings).evalboard.attempts == 2
