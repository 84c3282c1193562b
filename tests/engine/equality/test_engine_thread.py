"""One thread makes the engine and does its steps, and a step that fails is the end of the engine.

On a GPU, another thread would compute on another CUDA stream, and vLLM would copy results before they
are computed. A CPU has no streams, so these tests look at the threads.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from evalboard.engine.placing.calling import unforeseen
from evalboard.errors import EngineDied, OutOfMemory
from tests.engine.equality.lm_requests import CORNERS, answers, every_length, instances

pytestmark = pytest.mark.filterwarnings("default")

REQUESTS = instances([*every_length(8), *CORNERS["one choice"]])


def test_one_thread_loads_the_model_and_computes_every_step(
    model_folder: Callable[[str, str], Path],
    load_vllm: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from vllm.v1.worker.cpu_model_runner import CPUModelRunner

    threads: dict[str, set[int]] = {"load_model": set(), "execute_model": set()}

    def watch(name: str) -> None:
        whole = getattr(CPUModelRunner, name)

        def noted(*args: Any, **options: Any) -> Any:
            threads[name].add(threading.get_ident())
            return whole(*args, **options)

        monkeypatch.setattr(CPUModelRunner, name, noted)

    for name in threads:
        watch(name)
    model = load_vllm(model_folder("llama", "byte-level"))
    expected = answers(model, REQUESTS)
    both = threading.Barrier(2)

    def ask() -> Any:
        both.wait()
        return answers(model, REQUESTS)

    with ThreadPoolExecutor(2) as pool:
        found = [task.result() for task in [pool.submit(ask), pool.submit(ask)]]
    assert found == [expected, expected]
    assert len(threads["load_model"]) == 1
    assert threads["execute_model"] == threads["load_model"]


@pytest.fixture(scope="module")
def model(model_folder: Callable[[str, str], Path], load_vllm: Callable[..., Any]) -> Any:
    return load_vllm(model_folder("llama", "byte-level"))


def test_a_consumer_that_stops_leaves_the_engine_to_the_next(model: Any) -> None:
    model.reproducible = False
    found = model.stream("loglikelihood", REQUESTS, frozenset(range(len(REQUESTS))))
    next(found)
    found.close()
    assert len(answers(model, REQUESTS)) == len(REQUESTS)


def test_a_step_that_fails_is_the_end_of_the_engine(model: Any) -> None:
    from evalboard.engine.vllm_feeding import StepFailed

    def fail(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    model.model.apply_model(lambda whole: whole.register_forward_pre_hook(fail))
    with pytest.raises(StepFailed) as caught:
        answers(model, REQUESTS)
    failed = unforeseen(caught.value)
    assert failed.kind is EngineDied
    assert "RuntimeError: CUDA error" in failed.what


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()])
def test_a_step_without_memory_is_out_of_memory(error: Exception) -> None:
    from evalboard.engine.vllm_feeding import step_failed

    assert unforeseen(step_failed(error)).kind is OutOfMemory
