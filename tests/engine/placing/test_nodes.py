"""Where an engine takes its GPU on a cluster, and when. Ray and its machines are real, GPUs pretended."""

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from evalboard.attempt import course, running
from evalboard.attempt.course import Steps
from evalboard.engine.hardware import VISIBLE
from evalboard.engine.placing.cluster import connect, disconnect, on_node
from evalboard.engine.placing.placement import EngineHandle
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import EngineDied, LoadFailed, ModelNotFound, NodeUnfit
from evalboard.records.request import RequestRecord, Status
from evalboard.repositories import find_repository
from evalboard.stores.work import WorkFolder
from tests.attempt.answering_engine import ANSWERS
from tests.attempt.claimed import claimed
from tests.engine_specs import engine_folder, engine_spec
from tests.model_folders import write_model
from tests.repositories.conftest import SHA, SmallHub, hub
from tests.stand_in_engine import calls, outcome_of

__all__ = ["hub"]  # fixture
pytestmark = [
    pytest.mark.slow,  # a busy machine misses the 30 seconds in which Ray wants to start
    pytest.mark.usefixtures("stand_in_engines"),
]
PROGRAM = "tests.engine.placing.places"
OBJECT_STORE_BYTES = 80 * 2**20
PLACE_SECONDS = 300
"""A test that waits for a GPU without a right to it fails after this time."""
WEIGHTS = f"GET /org/model/resolve/{SHA}/model.safetensors"


class Machine:
    """A machine of the cluster with a GPU and its own cache of the Hub's client."""

    def __init__(self, cluster: Cluster, home: Path, **variables: str) -> None:
        self._home = home
        self._node = cluster.add_node(
            num_cpus=1,
            num_gpus=1,
            object_store_memory=OBJECT_STORE_BYTES,
            include_dashboard=False,
            # Idle machines wait for a busy one, as long as it takes.
            _system_config={"health_check_timeout_ms": 60_000, "worker_niceness": 0}
            if cluster.head_node is None
            else None,
            env_vars={
                "HF_HOME": str(home),
                "HF_HUB_OFFLINE": "0",
                "HF_HUB_DOWNLOAD_TIMEOUT": "900",  # the Hub waits for the test
                **variables,
            },
        )

    @property
    def id(self) -> str:
        return self._node.node_id

    def has_files(self) -> bool:
        return any(self._home.glob(f"hub/models--org--model/snapshots/{SHA}/model.safetensors"))

    def is_preparing(self) -> bool:
        workers = psutil.Process(self._raylet).children()
        return any(process.name().startswith("ray::get_ready") for process in workers)

    def runs(self, engine: EngineHandle) -> bool:
        process = psutil.Process(engine.call("pid", timeout_seconds=600))
        return self._raylet in [parent.pid for parent in process.parents()]

    @property
    def _raylet(self) -> int:
        (raylet,) = self._node.all_processes["raylet"]
        return raylet.process.pid


@pytest.fixture
def cluster(stand_in_engines: None) -> Iterator[Cluster]:
    """A cluster whose head is the first machine that joins."""
    disconnect()
    cluster = Cluster()
    yield cluster
    disconnect()
    cluster.shutdown()


@pytest.fixture
def join(cluster: Cluster, tmp_path: Path) -> Callable[..., Machine]:
    """Return a function that lets a machine join."""
    homes = (tmp_path / f"machine-{number}" for number in count())
    return lambda **variables: Machine(cluster, next(homes), **variables)


@pytest.fixture
def spec_of(cluster: Cluster, hub: SmallHub, tmp_path: Path) -> Callable[[str], EngineSpec]:
    """Return a function that makes the specification of a model.

    The files of `org/model` are on the Hub, those of `org/other` are on every machine.
    """
    models = tmp_path / "models"
    write_model(models / "org" / "other")
    made = count()

    def make(model: str) -> EngineSpec:
        settings: dict[str, Any] = {"ray_address": cluster.address, "models": models}
        settings |= {"hub_endpoint": hub.address, "offline": False, "tensor_parallel": 1}
        settings |= {"engine_place_timeout_seconds": PLACE_SECONDS}
        spec = engine_spec(
            tmp_path,
            settings=settings,
            name=f"engine-{next(made)}",
            model=model,
            limits=EngineLimits(resource="gpus"),
        )
        is_local = model == "org/other"
        revision = find_repository(model, "main", spec.settings).revision if is_local else SHA
        folder = engine_folder(tmp_path).with_name(revision)
        folder.mkdir(exist_ok=True)
        changes = {"revision": revision, "log_file": folder / spec.log_file.name}
        return spec.model_copy(update=changes)

    return make


@pytest.fixture
def start(spec_of: Callable[[str], EngineSpec]) -> Iterator[Callable[..., EngineHandle]]:
    """Return a function that makes an engine for a model. All end with the test."""
    engines: list[EngineHandle] = []

    def start_one(model: str = "org/model") -> EngineHandle:
        engines.append(EngineHandle(spec_of(model)))
        return engines[-1]

    yield start_one
    for engine in engines:
        engine.close()


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.05)


def has_free_gpu() -> bool:
    return "GPU" in ray.available_resources()


def load(engine: EngineHandle) -> None:
    engine.plan()
    engine.load()


@contextmanager
def loading(engine: EngineHandle, hub: SmallHub) -> Iterator[Future[None]]:
    """Load an engine in this context, whose weights the Hub does not send before `may_send` is set."""
    hub.may_send.clear()
    with ThreadPoolExecutor(1) as threads:
        try:
            future = threads.submit(load, engine)
            wait_for(lambda: WEIGHTS in hub.requests or future.done())
            yield future
        finally:
            hub.may_send.set()


@pytest.fixture
def busy(join: Callable[..., Machine], start: Callable[..., EngineHandle]) -> None:
    """A cluster whose only GPU has an engine."""
    join()
    load(start("org/other"))


def test_a_plan_needs_no_gpu_and_no_weights_and_neither_does_its_failure(
    busy: None, start: Callable[..., EngineHandle], hub: SmallHub
) -> None:
    engine = start()
    folder = engine.spec.log_file.parent
    (folder / "plan.refuse").write_text("1", encoding="utf-8")
    with pytest.raises(LoadFailed):
        engine.plan()
    plans, _ = engine.plan()
    assert [plan.benchmark for plan in plans] == list(engine.spec.benchmarks)
    assert not any(psutil.pid_exists(int(process)) for _, process, _ in calls(folder))
    assert WEIGHTS not in hub.requests


def test_a_model_whose_scores_are_all_stored_takes_no_gpu_and_no_weights(
    busy: None, spec_of: Callable[[str], EngineSpec], hub: SmallHub
) -> None:
    spec = spec_of("org/model")
    request = RequestRecord(model=spec.model, revision=spec.revision)
    attempt = claimed(spec, request, "run-1", now=datetime.now(UTC))
    for benchmark in spec.benchmarks:
        WorkFolder(spec.settings.work_folder).keep(outcome_of(benchmark), ANSWERS)
    steps = Steps(running.plan_attempt, running.load_model, lambda *_: [])
    (ended,) = course.run(attempt, steps)
    assert ended.end.status is Status.FINISHED
    assert list(ended.end.scores) == list(spec.benchmarks)
    assert WEIGHTS not in hub.requests


def test_a_gpu_is_free_for_other_models_while_files_are_downloaded(
    join: Callable[..., Machine], start: Callable[..., EngineHandle], hub: SmallHub
) -> None:
    machine = join(**{VISIBLE: "GPU-a,GPU-b", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "1"})
    engine = start()
    with loading(engine, hub) as future:
        wait_for(has_free_gpu)
        assert not future.done()
        hub.may_send.set()
        future.result()
    assert machine.runs(engine)
    assert not has_free_gpu()
    assert hub.requests.count(WEIGHTS) == 1
    seen = on_node(machine.id, lambda: os.environ.get(VISIBLE))
    assert ray.get(seen.remote()) == "GPU-a,GPU-b"


def test_an_engine_goes_where_a_gpu_is_free_first_after_its_files(
    join: Callable[..., Machine],
    start: Callable[..., EngineHandle],
    spec_of: Callable[[str], EngineSpec],
    hub: SmallHub,
) -> None:
    machines = [join(), join()]
    owners = [start("org/other"), start("org/other")]
    for owner in owners:
        load(owner)
    program = [sys.executable, "-m", PROGRAM, "prepare"]
    subprocess.run(program, input=spec_of("org/model").model_dump_json(), text=True, check=True)
    (likely,) = [machine for machine in machines if machine.has_files()]
    engine = start()
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(load, engine)
        (free,) = [owner for owner in owners if not likely.runs(owner)]
        free.close()
        future.result()
    (unlikely,) = [machine for machine in machines if machine is not likely]
    assert unlikely.runs(engine)
    assert unlikely.has_files()
    assert hub.requests.count(WEIGHTS) == 2


def test_an_unfit_machine_gets_no_engine_and_is_named_if_there_is_no_other(
    join: Callable[..., Machine], start: Callable[..., EngineHandle], tmp_path: Path
) -> None:
    old = tmp_path / "old" / "lm_eval-0.0.1.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Name: lm_eval\nVersion: 0.0.1\n", encoding="utf-8")
    paths = [str(old.parent), os.environ.get("PYTHONPATH", ""), sysconfig.get_path("purelib")]
    unfit = join(PYTHONPATH=os.pathsep.join(filter(None, paths)))
    with pytest.raises(NodeUnfit, match=r"No machine .* lm_eval 0\.0\.1 instead of"):
        load(start())
    fit = join()
    engine = start()
    load(engine)
    assert fit.runs(engine)
    assert fit.has_files()
    assert not unfit.has_files()


def test_no_gpu_is_taken_for_files_that_are_missing_or_not_wanted_any_more(
    join: Callable[..., Machine], start: Callable[..., EngineHandle], hub: SmallHub
) -> None:
    machine = join()
    with pytest.raises(ModelNotFound):
        load(start("org/absent"))
    cancelled = start()
    with loading(cancelled, hub) as future:
        assert machine.is_preparing()
        cancelled.close()
        with pytest.raises(EngineDied, match="it was stopped"):
            future.result()
    wait_for(lambda: not machine.is_preparing())
    assert has_free_gpu()


def test_a_driver_that_is_killed_leaves_its_place(
    join: Callable[..., Machine], spec_of: Callable[[str], EngineSpec]
) -> None:
    join()
    spec = spec_of("org/model")
    connect(spec.settings)
    program = [sys.executable, "-m", PROGRAM, "take"]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, stdin=pipe, stdout=pipe, text=True) as driver:
        assert driver.stdin
        assert driver.stdout
        print(spec.model_dump_json(), file=driver.stdin, flush=True)
        assert driver.stdout.readline() == "taken\n"
        wait_for(lambda: not has_free_gpu())
        driver.kill()
    wait_for(has_free_gpu)
