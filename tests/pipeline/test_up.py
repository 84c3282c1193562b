"""`evalboard up`: everything on one machine, started by one command and gone after Ctrl-C."""

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import State

from evalboard.records.request import Status
from evalboard.settings import Settings, child_environment
from evalboard.stores.addresses import open_queue

DEADLINE_SECONDS = 300
PLANTED = "hf_plantedplantedplanted"
TITLES = ("MMLU Anatomy", "MMLU Medical Genetics", "PubMedQA")


def free_port(taken: int = 0) -> int:
    """Return a port that nobody is given who asks for just any; `taken` is left out."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            if port != taken:
                return port
    raise AssertionError("100 ports are taken")


@pytest.fixture
def settings(
    configure: Callable[..., Settings], small_suite: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    monkeypatch.setenv("HF_TOKEN", PLANTED)
    port = free_port()
    return configure(
        suite=str(small_suite),
        backend="hf",
        server_port=port,
        viewer_port=free_port(taken=port),
        max_running=1,
    )


@pytest.fixture
def up(settings: Settings, tmp_path: Path) -> Iterator[psutil.Popen]:
    log = tmp_path / "up.log"
    with log.open("wb") as output:
        process = psutil.Popen(
            [sys.executable, "-m", "evalboard", "up"],
            env=child_environment(settings),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: b"Ctrl-C" in log.read_bytes(), process)
        yield process
    finally:
        if process.is_running():
            process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_SECONDS)


def wait_until(condition: Callable[[], bool], process: psutil.Popen) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert process.poll() is None, "`evalboard up` ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_run_started_through_the_api_ends_finished_and_ctrl_c_leaves_nothing(
    settings: Settings, up: psutil.Popen, tmp_path: Path
) -> None:
    with SyncPrefectClient(f"http://127.0.0.1:{settings.server_port}/api") as api:
        deployment = api.read_deployment_by_name("evaluate-model/evaluate-model")
        parameters = {"request": {"model": "test/random", "precision": "float32"}}
        run = api.create_flow_run_from_deployment(deployment.id, parameters=parameters)

        def state() -> State:
            current = api.read_flow_run(run.id).state
            assert current is not None
            return current

        wait_until(lambda: state().is_final(), up)
        assert state().is_completed(), state().message
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        # Prefect records tasks later than the states of their run.
        tasks = {f"{title} · test/random" for title in TITLES}
        wait_until(
            lambda: tasks <= {task.name for task in api.read_task_runs(flow_run_filter=of_run)}, up
        )
    (entry,) = open_queue(settings).entries()
    assert entry.record is not None
    assert entry.record.status is Status.FINISHED
    assert entry.record.job_id == str(run.id)
    board = httpx.get(f"http://127.0.0.1:{settings.viewer_port}/data/board.json", timeout=300).text
    assert "test/random" in board

    started = up.children(recursive=True)
    assert len(started) > 5
    up.send_signal(signal.SIGINT)
    assert up.wait(DEADLINE_SECONDS) == 130
    _, left = psutil.wait_procs(started, timeout=DEADLINE_SECONDS)
    assert left == []

    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any(file.suffix == ".db" for file in kept)  # Prefect's parameters, artifacts and logs
    assert [file for file in kept if PLANTED.encode() in file.read_bytes()] == []
