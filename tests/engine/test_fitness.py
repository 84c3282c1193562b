"""What is said of machines that cannot run engines, and of those that can."""

import re
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from evalboard.engine import fitness
from evalboard.engine.fitness import (
    LEAST_DISK_BYTES,
    LEAST_SHARED_BYTES,
    USUAL_DISK_BYTES,
    Gpu,
    MachineFacts,
    TorchFacts,
    find_problems,
    judge,
    machine_facts,
    require_device,
    torch_facts,
)
from evalboard.errors import MachineUnfit
from evalboard.settings import Settings

H100 = Gpu("NVIDIA H100", (9, 0))
GOOD = MachineFacts(
    gpus=(H100, H100),
    driver="580.65.06",
    driver_cuda=13,
    torch_cuda=13,
    c_compiler="/usr/bin/gcc",
    cxx_compiler="/usr/bin/g++",
    has_python_headers=True,
    free_disk={"/data": USUAL_DISK_BYTES},
)
BOTH = TorchFacts(("NVIDIA H100", "NVIDIA H100"))
UNFIT: dict[str, tuple[dict[str, Any], TorchFacts]] = {
    "driver 550.54 supports CUDA 12.*580 or later": (
        {"driver": "550.54", "driver_cuda": 12},
        BOTH,
    ),
    "'Tesla V100' has the compute capability 7.0": ({"gpus": (Gpu("Tesla V100", (7, 0)),)}, BOTH),
    "no C compiler.*Install gcc": ({"c_compiler": ""}, BOTH),
    "Python.h is missing.*Install python3": ({"has_python_headers": False}, BOTH),
    "'/data' has only 0.5 GiB": ({"free_disk": {"/data": LEAST_DISK_BYTES // 2}}, BOTH),
    "reports 2 GPUs, and torch finds none": ({}, TorchFacts()),
    "cannot compute on a GPU: no kernel image": ({}, TorchFacts(("GPU",), "no kernel image")),
}
POOR: dict[str, tuple[dict[str, Any], TorchFacts]] = {
    "'Tesla T4'.*cannot compute in bfloat16.*float16": ({"gpus": (Gpu("Tesla T4", (7, 5)),)}, BOTH),
    r"split into instances \(MIG\).*EVALBOARD_GPU_MEMORY_GIB": (
        {"gpus": (Gpu("A100", (8, 0), is_split=True),)},
        BOTH,
    ),
    r"no C\+\+ compiler.*Install g\+\+": ({"cxx_compiler": ""}, BOTH),
    "shared memory.*--ipc=host": ({"shared_bytes": LEAST_SHARED_BYTES - 1}, BOTH),
    "GiB of memory are free": ({"free_memory": 2**30}, BOTH),
    "'/data' has only 10.0 GiB": ({"free_disk": {"/data": USUAL_DISK_BYTES // 2}}, BOTH),
    "torch finds only 1 of the 2 GPUs": ({}, TorchFacts(("NVIDIA H100",))),
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "offline": True})


def test_a_good_machine_has_no_problem() -> None:
    assert judge(GOOD, BOTH) == judge(GOOD) == []


@pytest.mark.parametrize("said", UNFIT)
def test_no_engine_can_run(said: str) -> None:
    changes, torch = UNFIT[said]
    (problem,) = judge(GOOD._replace(**changes), torch)
    assert problem.is_fatal
    assert re.search(said, str(problem))


@pytest.mark.parametrize("said", POOR)
def test_some_engines_cannot_run(said: str) -> None:
    changes, torch = POOR[said]
    (problem,) = judge(GOOD._replace(**changes), torch)
    assert not problem.is_fatal
    assert re.search(said, str(problem))


@pytest.mark.parametrize("changes", [{"gpus": ()}, {"torch_cuda": 0}, {"visible": ""}])
def test_engines_on_the_cpu_need_no_compiler_and_no_driver(changes: dict[str, Any]) -> None:
    facts = GOOD._replace(c_compiler="", has_python_headers=False, driver_cuda=0, **changes)
    assert judge(facts) == []


def test_the_worst_comes_first() -> None:
    facts = GOOD._replace(free_memory=2**30, c_compiler="")
    assert [problem.is_fatal for problem in judge(facts, BOTH)] == [True, False]


def test_this_machine(settings: Settings) -> None:
    facts = machine_facts(settings)
    assert facts.free_disk[str(settings.work_folder.resolve())] > 0
    assert facts.free_memory > 0
    judged = judge(facts, torch_facts(settings))
    assert [p for p in find_problems(settings) if p.is_fatal] == [p for p in judged if p.is_fatal]


class Driver:
    """Answers as NVIDIA's library for a machine with one GPU that is split into instances."""

    class NVMLError(Exception):
        pass

    class NVMLError_NotSupported(NVMLError):
        pass

    NVML_DEVICE_MIG_ENABLE = 1

    def __getattr__(self, name: str) -> Any:
        answers = {
            "nvmlDeviceGetCount": 1,
            "nvmlSystemGetDriverVersion": "580.65.06",
            "nvmlSystemGetCudaDriverVersion_v2": 13000,
            "nvmlDeviceGetMigMode": [1, 1],
            "nvmlDeviceGetCudaComputeCapability": [8, 0],
            "nvmlDeviceGetName": "A100",
        }
        return lambda *_: answers.get(name)


def test_the_drivers_words_are_understood(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", cast("Any", Driver()))
    facts = machine_facts(settings)
    assert facts.gpus == (Gpu("A100", (8, 0), is_split=True),)
    assert (facts.driver, facts.driver_cuda) == ("580.65.06", 13)


def test_a_gpu_that_torch_does_not_find_is_no_reason_to_use_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", cast("Any", Driver()))
    require_device("cpu")  # the installed torch is one for CPUs
    monkeypatch.setattr(fitness, "_cuda_of_torch", lambda: 13)
    require_device("cuda")
    with pytest.raises(MachineUnfit, match="reports 1 GPUs, and torch finds none"):
        require_device("cpu")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    require_device("cpu")
