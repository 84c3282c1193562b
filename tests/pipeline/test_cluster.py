"""Engines on a cluster of several machines, of which one goes away in the middle."""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from prefect.logging.configuration import setup_logging
from ray.cluster_utils import Cluster

from evalboard.attempt.engines import EnginePool
from evalboard.cli.queue_round import work
from evalboard.demo import models as demo_models
from evalboard.engine.placing.cluster import disconnect
from evalboard.engine.placing.forking import SERVER
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_board
from evalboard.stores.board import read_board
from evalboard.suites.loader import load_suite
from tests.pipeline.questions import QUESTIONS
from tests.pipeline.runs import is_engine

DEADLINE_SECONDS = 600
MACHINES = 4
LAYERS = 8
"""Of a model that takes seconds for its questions, so that a machine is lost before it has them."""
QUESTIONS_OF_EACH = 100
"""Of a benchmark, where it has more."""
OBJECT_STORE_BYTES = 80 * 2**20


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """Yield machines with a core and a GPU each, and a head without; torch sees no GPU."""
    disconnect()
    monkeypatch.delenv(SERVER)  # the machines share no process
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "num_gpus": 0,
            "object_store_memory": OBJECT_STORE_BYTES,
            "include_dashboard": False,
            # A machine that is gone is noticed in two seconds instead of twenty.
            "_system_config": {
                "health_check_initial_delay_ms": 0,
                "health_check_period_ms": 1000,
                "health_check_failure_threshold": 10,
                "worker_niceness": 0,
            },
        },
    )
    for _ in range(MACHINES):
        cluster.add_node(wait=False, num_cpus=1, num_gpus=1, object_store_memory=OBJECT_STORE_BYTES)
    cluster.wait_for_nodes(timeout=DEADLINE_SECONDS)
    yield cluster
    disconnect()
    cluster.shutdown()


@pytest.fixture
def slow_model(models: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(demo_models, "LAYERS", LAYERS)
    name = f"test/slow-{uuid.uuid4().hex}"
    demo_models.make_letter_model(models / name)
    return name


@pytest.fixture
def beginning_together(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Let no benchmark begin before an engine of each machine has one; return these engines."""
    take_seat, engines, taken = EnginePool.seat, list[object](), threading.Condition()

    @contextmanager
    def seat(pool: EnginePool, benchmark: str) -> Iterator[object]:
        with take_seat(pool, benchmark) as engine:
            with taken:
                if not any(engine is other for other in engines):
                    engines.append(engine)
                taken.notify_all()
                assert taken.wait_for(lambda: len(engines) >= MACHINES, DEADLINE_SECONDS)
            yield engine

    monkeypatch.setattr(EnginePool, "seat", seat)
    return engines


def engines_by_machine(cluster: Cluster) -> dict[Any, psutil.Process]:
    """Return the process of the engine on each machine."""
    found: dict[Any, psutil.Process] = {}
    for machine in cluster.worker_nodes:
        for raylet in machine.all_processes["raylet"]:
            for process in psutil.Process(raylet.process.pid).children(recursive=True):
                if is_engine(process):
                    found[machine] = process
    return found


def wait_until(condition: Callable[[], bool], run: Future[Any]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert not run.done(), "the run ended before a machine was to be lost"
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def task_log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Return what Prefect logs of tasks, which it keeps from the root logger."""
    setup_logging()  # once per process; later, it would remove the handler
    logger = logging.getLogger("prefect.task_runs")
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("prefect_server")
def test_nine_benchmarks_survive_the_loss_of_a_machine(
    cluster: Cluster,
    configure: Callable[..., Settings],
    sliced_datasets: Callable[[int], Path],
    slow_model: str,
    beginning_together: list[object],
    task_log: pytest.LogCaptureFixture,
) -> None:
    datasets = sliced_datasets(QUESTIONS_OF_EACH)
    settings = configure(suite="open-medical", ray_address=cluster.address, datasets=datasets)
    submitted = submit(Submission(model=slow_model, precision=Precision.FLOAT32), settings)
    outcomes = settings.work_folder / "outcomes"
    with ThreadPoolExecutor(1) as thread:
        run = thread.submit(work, settings)
        wait_until(lambda: len(beginning_together) == MACHINES, run)
        lost = next(iter(engines_by_machine(cluster)))
        kept = {file.name for file in outcomes.glob("*.json")}
        cluster.remove_node(lost, allow_graceful=False)
        ended = run.result(DEADLINE_SECONDS)

    assert len(kept) < 9
    assert [(e.path, e.status) for e in ended] == [(submitted.request_path, Status.FINISHED)]
    (document,) = open_archive(settings).read().documents
    assert set(document.results) == {b.key for b in load_suite("open-medical").benchmarks}
    assert document.evalboard.failures == {}
    assert "failed with exception: NodeLost" in task_log.text
    assert document.evalboard.engine_settings["tensor_parallel"] == 1
    row = read_board(open_board(settings)).frame.iloc[0]
    assert row["mmlu_anatomy"] == pytest.approx(QUESTIONS["mmlu_anatomy"].share_of_first(datasets))
    assert row["complete"]
