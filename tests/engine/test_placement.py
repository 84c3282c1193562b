"""How engines fail, with real processes on a real Ray: only what the actor holds is smaller."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray as ray_library
import torch
from ray import cloudpickle

from evalboard.engine import placement
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import (
    DataMissing,
    EngineDied,
    EngineError,
    EvalboardError,
    OutOfMemory,
    TimedOut,
)
from tests.engine_specs import engine_spec


class Actor:
    """Stands in for an engine, which would take 15 s to start for each test."""

    def __init__(self, spec: EngineSpec) -> None:
        self._spec = spec
        self._log = spec.log_file

    def node(self) -> str:
        return ray_library.get_runtime_context().get_node_id()

    def pid(self) -> int:
        return os.getpid()

    def threads(self) -> str:
        return os.environ["OMP_NUM_THREADS"]

    def raise_error(self, error: Exception) -> None:
        raise error

    def die(self) -> None:
        self._log.write_text("one\ntwo\nSegmentation fault", encoding="utf-8")
        os.kill(os.getpid(), signal.SIGKILL)

    def hang(self) -> None:
        threading.Event().wait()

    def answer_when(self, file: Path) -> str:
        while not file.exists():
            time.sleep(0.01)
        return "answered"


class EngineDeadError(Exception):
    """Has the name of vLLM's."""


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    # The workers cannot import a test module.
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    placement.disconnect()


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EngineSpec]:
    monkeypatch.setattr(placement, "LoggedEngineProcess", Actor)
    spec = engine_spec(tmp_path, limits=EngineLimits(max_num_seqs=8))
    yield spec
    placement.close(spec)


def call(spec: EngineSpec, method: str, *args: Any, seconds: float = 60) -> Any:
    return placement.call(spec, method, *args, timeout_seconds=seconds)


def error_of(spec: EngineSpec, method: str, *args: Any, seconds: float = 60) -> EngineError:
    with pytest.raises(EngineError) as caught:
        call(spec, method, *args, seconds=seconds)
    return caught.value


def test_calls_find_the_same_process_and_its_share_of_the_cores(spec: EngineSpec) -> None:
    assert call(spec, "pid") == call(spec, "pid") != os.getpid()
    cores = int(ray_library.cluster_resources()["CPU"])
    assert call(spec, "threads") == str(cores)


def test_a_killed_process_is_a_death_with_the_last_words(spec: EngineSpec) -> None:
    first = call(spec, "pid")
    error = error_of(spec, "die")
    assert type(error) is EngineDied
    assert "test/model" in error.message
    assert error.log_tail.endswith("Segmentation fault")
    assert error.settings["max_num_seqs"] == 8
    assert call(spec, "pid") != first


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."), OutOfMemory),
        (MemoryError(), OutOfMemory),
        (RuntimeError("Worker failed with error 'CUDA out of memory'"), OutOfMemory),
        (EngineDeadError("EngineCore encountered an issue."), EngineDied),
    ],
)
def test_after_an_error_that_leaves_no_engine_the_process_is_a_new_one(
    spec: EngineSpec, raised: Exception, expected: type[EngineError]
) -> None:
    first = call(spec, "pid")
    error = error_of(spec, "raise_error", raised)
    assert type(error) is expected
    assert call(spec, "pid") != first


def test_what_is_unforeseen_is_named_and_ends_nothing(spec: EngineSpec) -> None:
    first = call(spec, "pid")
    error = error_of(spec, "raise_error", ValueError("a strange value"))
    assert type(error) is EngineError
    assert "ValueError: a strange value" in error.message
    assert call(spec, "pid") == first


def test_errors_of_the_project_arrive_as_they_are(spec: EngineSpec) -> None:
    with pytest.raises(DataMissing, match="no questions") as caught:
        call(spec, "raise_error", DataMissing("no questions"))
    assert isinstance(caught.value, EvalboardError)
    assert type(caught.value) is DataMissing


def test_no_answer_in_time_ends_the_process(spec: EngineSpec) -> None:
    first = call(spec, "pid")
    error = error_of(spec, "hang", seconds=0.1)
    assert type(error) is TimedOut
    assert "hang" in error.message
    assert call(spec, "pid") != first


def test_no_place_in_time_is_said(spec: EngineSpec) -> None:
    call(spec, "pid")  # has all cores
    settings = spec.settings.model_copy(update={"engine_place_timeout_seconds": 1})
    second = spec.model_copy(update={"name": f"{spec.name}-1", "settings": settings})
    error = error_of(second, "pid")
    assert type(error) is TimedOut
    assert "place" in error.message


def test_whoever_waits_is_asked_to_look(spec: EngineSpec, tmp_path: Path) -> None:
    file = tmp_path / "ready"
    answer = placement.call(
        spec, "answer_when", file, timeout_seconds=60, on_wait=lambda: file.touch()
    )
    assert answer == "answered"
