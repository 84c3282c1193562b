"""Engines that stay for the next model of their shape. Processes and confinement are real."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from safetensors.numpy import save_file

from evalboard.engine.placing import cluster, placement
from evalboard.engine.placing.placement import EngineHandle
from evalboard.engine.placing.views import clear_abandoned
from evalboard.errors import EngineDied, EngineError, LoadFailed
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from tests.engine.placing.parents import printed_by
from tests.engine_specs import engine_spec
from tests.processes import with_command

pytestmark = pytest.mark.usefixtures("stand_in_engines")
SECONDS = 60
CONFIG = {"model_type": "llama", "tie_word_embeddings": False}
Start = Callable[..., EngineHandle]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[psutil.Process]:
    before = set(psutil.Process().children())
    with placement.forked_engines(Settings.model_validate({"home": tmp_path, "backend": "vllm"})):
        (process,) = set(psutil.Process().children()) - before
        yield process


@pytest.fixture
def ray(server: psutil.Process) -> Iterator[None]:
    """A Ray whose actors know the fork server, as under `evalboard run` and `evalboard up`."""
    yield
    cluster.disconnect()


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder in which every engine can write, as stand-ins do."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture
def start(tmp_path: Path, server: psutil.Process, shared: Path) -> Iterator[Start]:
    """Start the engine of a model, whose files are written where they are missing."""
    started: list[EngineHandle] = []

    def starting(
        model: str, *, idle: int = 60, is_only_run: bool = True, **config: Any
    ) -> EngineHandle:
        folder = tmp_path / "models" / "test" / model
        if not folder.is_dir():
            write_model(folder, **config)
        settings = {"models": tmp_path / "models", "engine_idle_seconds": idle}
        whole = Settings.model_validate({"home": tmp_path, "offline": True, **settings})
        name = f"test/{model}"
        revision = find_repository(name, "main", whole).revision
        spec = engine_spec(
            tmp_path,
            settings=settings,
            model=name,
            revision=revision,
            backend="vllm",
            is_only_run=is_only_run,
        )
        log_file = shared / model / "engine.log"
        log_file.parent.mkdir(exist_ok=True)
        spec = spec.model_copy(update={"log_file": log_file})
        started.append(EngineHandle(spec))
        return started[-1]

    yield starting
    for handle in started:
        handle.close()


def write_model(folder: Path, **config: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG | config), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    value = float(len(list(folder.parent.iterdir())))
    save_file({"lm_head.weight": np.full((2, 2), value)}, folder / "model.safetensors")


def call(engine: EngineHandle, method: str, *arguments: Any) -> Any:
    return engine.call(method, *arguments, timeout_seconds=SECONDS)


def use(engine: EngineHandle) -> psutil.Process:
    """Let an engine do all that one does, and return its process."""
    engine.plan()
    engine.load()
    benchmark = engine.spec.benchmarks[0]
    engine.evaluate(benchmark, "progress")
    return psutil.Process(call(engine, "pid"))


def leave(engine: EngineHandle) -> psutil.Process:
    """Use an engine and close it, and return its process."""
    process = use(engine)
    engine.close()
    return process


def has_ended(process: psutil.Process) -> bool:
    return psutil.wait_procs([process], timeout=SECONDS)[1] == []


def test_the_next_model_of_the_same_shape_gets_the_same_process(
    start: Start, tmp_path: Path
) -> None:
    first = leave(start("a"))
    assert first.is_running()
    second = start("b")
    assert use(second) == first
    environment = call(second, "environment")
    assert call(second, "read", str(next((tmp_path / "work" / "views").glob("*/weights/*.json"))))
    second.close()
    third = start("c")
    assert use(third) == first
    assert call(third, "environment") == environment


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_engines_that_ray_places_follow_each_other_in_one_process(start: Start) -> None:
    first = leave(start("a", is_only_run=False))
    assert first.is_running()
    second = start("b", is_only_run=False)
    assert use(second) == first
    second.close()
    third = start("c", is_only_run=False, rope_theta=5.0)
    assert use(third) != first
    assert has_ended(first)


def test_a_model_that_was_planned_elsewhere_gets_it_with_all_its_files(
    start: Start, tmp_path: Path
) -> None:
    process = leave(start("first"))
    second = start("second")
    planner = EngineHandle(second.spec.without_model())
    planner.plan()
    planner.close()
    second.load()
    assert call(second, "pid") == process.pid
    (small,) = tmp_path.glob("work/views/*/small/tokenizer.json")
    assert call(second, "read", str(small)) == "{}"


@pytest.mark.slow
@pytest.mark.usefixtures("ray")
def test_one_whose_actor_is_killed_while_it_works_does_not_stay(start: Start) -> None:
    process = use(start("a", is_only_run=False))
    (actor,) = with_command(psutil.Process().children(recursive=True), "ray::EngineHolder")
    actor.kill()
    assert has_ended(process)


def test_a_model_of_another_shape_gets_another_process(start: Start) -> None:
    first = leave(start("a"))
    assert use(start("b", rope_theta=5.0)) != first
    assert has_ended(first)


def test_a_process_for_another_purpose_ends_it(start: Start, tmp_path: Path) -> None:
    first = leave(start("a"))
    spec = engine_spec(tmp_path, is_only_run=True, backend="hf")
    other = EngineHandle(spec)
    try:
        call(other, "pid")
        assert not first.is_running()
    finally:
        other.close()


def test_it_ends_after_its_time_and_leaves_no_folder(start: Start, tmp_path: Path) -> None:
    engine = start("a", idle=1)
    use(engine)
    scratch = Path(call(engine, "environment")["HOME"])
    process = psutil.Process(call(engine, "pid"))
    engine.close()
    assert scratch.is_dir()
    assert has_ended(process)
    while scratch.exists() or list((tmp_path / "work" / "views").iterdir()):
        time.sleep(0.01)


def test_with_no_time_none_stays(start: Start) -> None:
    assert not leave(start("a", idle=0)).is_running()


def test_it_ends_with_its_server_and_keeps_its_view_until_then(
    start: Start, server: psutil.Process, tmp_path: Path
) -> None:
    process, views = leave(start("a")), tmp_path / "work" / "views"
    clear_abandoned(views)
    assert len(list(views.iterdir())) == 1
    server.kill()
    assert has_ended(process)
    clear_abandoned(views)
    assert list(views.iterdir()) == []


@pytest.mark.parametrize(("method", "error"), [("raise_error", EngineError), ("die", EngineDied)])
def test_after_a_failure_none_stays(start: Start, method: str, error: type[Exception]) -> None:
    engine = start("a")
    process = use(engine)
    arguments = ("ValueError", "wrong") if method == "raise_error" else ()
    with pytest.raises(error):
        call(engine, method, *arguments)
    engine.close()
    assert has_ended(process)


def test_one_that_answered_nothing_does_not_stay(start: Start) -> None:
    engine = start("a")
    engine.plan()
    engine.load()
    process = psutil.Process(call(engine, "pid"))
    engine.close()
    assert has_ended(process)


def test_one_with_a_call_in_progress_does_not_stay(start: Start) -> None:
    engine = start("a")
    process = use(engine)
    with pytest.raises(EngineError):
        engine.call("hang", timeout_seconds=0.5)
    assert has_ended(process)


def test_a_model_that_does_not_load_in_place_is_loaded_in_a_process_of_its_own(
    start: Start,
) -> None:
    first = leave(start("a"))
    second = start("b")
    (second.spec.log_file.parent / "load.refuse").write_text("2", encoding="utf-8")
    with pytest.raises(LoadFailed):
        second.load()
    assert has_ended(first)
    second.load()
    assert call(second, "pid") != first.pid


def test_the_log_of_a_model_is_its_own(start: Start) -> None:
    leave(start("a"))
    second = start("b")
    process = use(second)
    assert os.readlink(f"/proc/{process.pid}/fd/1") == str(second.spec.log_file)


def test_it_ends_with_the_program_to_which_its_server_belongs(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from evalboard.engine.placing import placement\n"
        "from evalboard.engine.placing.child_engine import ChildEngine\n"
        "from evalboard.settings import Settings\n"
        "placement.MADE_OF = 'tests.stand_in_engine'\n"
        "home = Path(sys.argv[1])\n"
        "settings = Settings(home=home, backend='hf')\n"
        "with placement.forked_engines(settings):\n"
        "    child = ChildEngine(settings, home / 'engine.log')\n"
        "    assert child.keep('name', {'folders': []}, seconds=600)\n"
        "    print(child.process_id, flush=True)\n"
        "    time.sleep(600)"
    )
    with printed_by(program, tmp_path) as idle:
        pass
    assert has_ended(idle)
