"""How engines fail, with real processes, children and on a real Ray: only what they hold is smaller."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray as ray_library

from evalboard.engine.placing import child_engine, placement
from evalboard.engine.placing.placement import EngineHandle
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import (
    DataMissing,
    EngineDied,
    EngineError,
    EvalboardError,
    OutOfMemory,
    TimedOut,
)
from tests.engine.placing.parents import printed_by
from tests.engine_specs import engine_folder, engine_spec
from tests.processes import with_command
from tests.stand_in_engine import calls

pytestmark = pytest.mark.usefixtures("stand_in_engines")


@pytest.fixture
def placed_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineSpec:
    """An engine that Ray places."""
    # What the kernel has killed: other programs' deaths are no matter here.
    monkeypatch.setattr(child_engine, "memory_kills", lambda: 0)
    return engine_spec(tmp_path, settings={"backend": "hf"}, limits=EngineLimits(max_num_seqs=8))


@pytest.fixture
def placed(placed_spec: EngineSpec) -> Iterator[EngineHandle]:
    """An engine that Ray places."""
    engine = EngineHandle(placed_spec)
    yield engine
    engine.close()


@pytest.fixture
def child(placed_spec: EngineSpec) -> Iterator[EngineHandle]:
    """An engine that is a child of this process."""
    engine = EngineHandle(placed_spec.model_copy(update={"is_only_run": True}))
    yield engine
    engine.close()


@pytest.fixture(params=["placed", "child"])
def engine(request: pytest.FixtureRequest) -> EngineHandle:
    """An engine of either kind."""
    return request.getfixturevalue(request.param)


def call(engine: EngineHandle, method: str, *args: Any, seconds: float = 600) -> Any:
    return engine.call(method, *args, timeout_seconds=seconds)


def error_of(engine: EngineHandle, method: str, *args: Any, seconds: float = 600) -> EngineError:
    with pytest.raises(EngineError) as caught:
        call(engine, method, *args, seconds=seconds)
    return caught.value


def test_calls_find_the_same_process(engine: EngineHandle) -> None:
    assert call(engine, "pid") == call(engine, "pid") != os.getpid()


def test_ray_gives_an_engine_its_share_of_the_cores(placed: EngineHandle) -> None:
    threads = call(placed, "threads")
    assert threads == str(int(ray_library.cluster_resources()["CPU"]))


def test_a_killed_process_is_a_death_with_the_last_words(engine: EngineHandle) -> None:
    first = call(engine, "pid")
    error = error_of(engine, "die")
    assert type(error) is EngineDied
    assert "test/model" in error.message
    assert error.log_tail.endswith("Segmentation fault")
    assert error.settings["max_num_seqs"] == 8
    assert call(engine, "pid") != first


@pytest.mark.parametrize(
    ("engine", "raised", "expected"),
    [
        (
            "child",
            ("OutOfMemoryError", "CUDA out of memory. Tried to allocate 2 GiB."),
            OutOfMemory,
        ),
        ("child", ("MemoryError", ""), OutOfMemory),
        ("child", ("ValueError", "Worker failed with error 'CUDA out of memory'"), OutOfMemory),
        ("child", ("EngineDeadError", "EngineCore encountered an issue."), EngineDied),
        ("placed", ("MemoryError", ""), OutOfMemory),
    ],
    indirect=["engine"],
)
def test_after_an_error_that_leaves_no_engine_the_process_is_a_new_one(
    engine: EngineHandle, raised: tuple[str, str], expected: type[EngineError]
) -> None:
    first = call(engine, "pid")
    error = error_of(engine, "raise_error", *raised)
    assert type(error) is expected
    assert call(engine, "pid") != first


def test_what_is_unforeseen_is_named_and_ends_nothing(engine: EngineHandle) -> None:
    first = call(engine, "pid")
    error = error_of(engine, "raise_error", "ValueError", "a strange value")
    assert type(error) is EngineError
    assert "ValueError: a strange value" in error.message
    assert call(engine, "pid") == first


def test_errors_of_the_project_arrive_as_they_are(engine: EngineHandle) -> None:
    with pytest.raises(DataMissing, match="no questions") as caught:
        call(engine, "raise_error", "DataMissing", "no questions")
    assert isinstance(caught.value, EvalboardError)
    assert type(caught.value) is DataMissing


def test_no_answer_in_time_ends_the_process(engine: EngineHandle) -> None:
    first = call(engine, "pid")
    error = error_of(engine, "hang", seconds=0.1)
    assert type(error) is TimedOut
    assert "hang" in error.message
    assert call(engine, "pid") != first


def test_no_place_in_time_is_said(placed: EngineHandle) -> None:
    call(placed, "pid")  # has all cores
    settings = placed.spec.settings.model_copy(update={"engine_place_timeout_seconds": 1})
    second = placed.spec.model_copy(update={"name": "second", "settings": settings})
    error = error_of(EngineHandle(second), "pid")
    assert type(error) is TimedOut
    assert "place" in error.message


def test_an_engine_that_no_machine_has_the_gpus_for_plans_all_the_same(
    placed_spec: EngineSpec,
) -> None:
    settings = placed_spec.settings.model_copy(update={"engine_place_timeout_seconds": 1})
    limits = EngineLimits(resource="gpus")
    engine = EngineHandle(placed_spec.model_copy(update={"settings": settings, "limits": limits}))
    plans, _ = engine.plan()
    assert [plan.benchmark for plan in plans] == list(placed_spec.benchmarks)
    ((_, process, _),) = calls(placed_spec.log_file.parent)
    assert not psutil.pid_exists(int(process))
    with pytest.raises(TimedOut, match="place"):
        engine.load()


def test_whoever_waits_is_asked_to_look(engine: EngineHandle, tmp_path: Path) -> None:
    file = engine_folder(tmp_path) / "ready"
    answer = engine.call(
        "answer_when", str(file), timeout_seconds=600, on_wait=lambda: file.touch()
    )
    assert answer == "answered"


def test_calls_are_answered_beside_each_other(engine: EngineHandle, tmp_path: Path) -> None:
    file = engine_folder(tmp_path) / "ready"
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(call, engine, "answer_when", str(file))
        assert call(engine, "pid") > 0
        assert not waiting.done()
        file.touch()
        assert waiting.result() == "answered"


def test_a_call_of_a_child_that_died_unseen_says_so(child: EngineHandle) -> None:
    pid = call(child, "pid")
    os.kill(pid, signal.SIGKILL)
    while psutil.pid_exists(pid):  # psutil's own wait would take the exit status from the engine
        time.sleep(0.01)
    error = error_of(child, "pid")
    assert type(error) is EngineDied
    assert "SIGKILL" in error.message
    assert call(child, "pid") != pid


def test_a_child_that_linux_kills_for_memory_ran_out_of_it(
    child: EngineHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(child, "pid")
    # Making the kernel kill something would endanger the machine.
    monkeypatch.setattr(child_engine, "memory_kills", lambda: 1)
    assert type(error_of(child, "die")) is OutOfMemory


def test_a_child_started_ahead_becomes_the_next_engine(child: EngineHandle) -> None:
    placement.start_ahead(child.spec.settings, child.spec.log_file)
    assert "colorsys" in call(child, "modules")
    placement.end_ahead()
    assert call(child, "pid") > 0


def test_a_child_that_becomes_no_engine_is_ended(tmp_path: Path) -> None:
    log_file = tmp_path / "log"
    placement.start_ahead(engine_spec(tmp_path, settings={"backend": "hf"}).settings, log_file)
    (child,) = children_of(os.getpid())
    placement.end_ahead()
    assert not child.is_running()


def test_a_child_does_not_outlive_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from evalboard.engine.placing.child_engine import ChildEngine\n"
        "from evalboard.settings import load_settings\n"
        "engine = ChildEngine(load_settings(), Path(sys.argv[1]))\n"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path / "log")]) as parent:
        while not (children := children_of(parent.pid)):
            time.sleep(0.05)
        parent.kill()
    gone, left = psutil.wait_procs(children, timeout=600)
    assert (len(gone), left) == (1, [])


def test_workers_of_a_child_end_with_it(child: EngineHandle) -> None:
    worker = psutil.Process(call(child, "worker"))
    child.close()
    assert psutil.wait_procs([worker], timeout=600) == ([worker], [])


def test_workers_of_a_child_do_not_outlive_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from evalboard.engine.placing import placement\n"
        "from tests.engine_specs import engine_spec\n"
        "placement.MADE_OF = 'tests.stand_in_engine'\n"
        "spec = engine_spec(Path(sys.argv[1]), settings={'backend': 'hf'}, is_only_run=True)\n"
        "print(placement.EngineHandle(spec).call('worker', timeout_seconds=600), flush=True)\n"
        "time.sleep(600)"
    )
    with printed_by(program, tmp_path) as worker:
        pass
    assert psutil.wait_procs([worker], timeout=60) == ([worker], [])


def children_of(pid: int) -> list[psutil.Process]:
    """Return the engines that are children of a process."""
    return with_command(psutil.Process(pid).children(), "evalboard.engine.placing.child_program")
