"""What is said of machines that cannot run engines, and of those that can."""

import re
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine import fitness
from evalboard.engine.fitness import (
    LEAST_DISK_BYTES,
    LEAST_SHARED_BYTES,
    USUAL_DISK_BYTES,
    MachineFacts,
    TorchFacts,
    find_problems,
    judge,
    machine_facts,
    require_device,
    torch_facts,
)
from evalboard.engine.hardware import Driver, Gpu
from evalboard.errors import MachineUnfit
from evalboard.settings import Settings

H100 = Gpu(("0", "GPU-a"), 80 * 2**30, "NVIDIA H100", (9, 0))
PART = H100._replace(names=("MIG-a",), is_part=True)
V100 = H100._replace(model="Tesla V100", capability=(7, 0))
T4 = H100._replace(model="Tesla T4", capability=(7, 5))
GOOD = MachineFacts(
    gpus=(H100, H100),
    driver=Driver("580.65.06", 13),
    torch_cuda=13,
    c_compiler="/usr/bin/gcc",
    cxx_compiler="/usr/bin/g++",
    has_python_headers=True,
    free_disk={"/data": USUAL_DISK_BYTES},
)
BOTH = TorchFacts(("NVIDIA H100", "NVIDIA H100"))
UNFIT: dict[str, tuple[dict[str, Any], TorchFacts]] = {
    "driver 550.54 supports CUDA 12.*580 or later": (
        {"driver": Driver("550.54", 12)},
        BOTH,
    ),
    "'Tesla V100' has the compute capability 7.0": ({"gpus": (V100,)}, BOTH),
    "no C compiler.*Install gcc": ({"c_compiler": ""}, BOTH),
    "Python.h is missing.*Install python3": ({"has_python_headers": False}, BOTH),
    "'/data' has only 0.5 GiB": ({"free_disk": {"/data": LEAST_DISK_BYTES // 2}}, BOTH),
    "temporary files .* has only 1 MiB.*TMPDIR": ({"free_scratch": 2**20}, BOTH),
    "reports 2 GPUs, and torch finds none": ({}, TorchFacts()),
    "cannot compute on a GPU: no kernel image": ({}, TorchFacts(("GPU",), "no kernel image")),
}
POOR: dict[str, tuple[dict[str, Any], TorchFacts]] = {
    "'Tesla T4'.*cannot compute in bfloat16.*float16": ({"gpus": (T4,)}, BOTH),
    r"no C\+\+ compiler.*Install g\+\+": ({"cxx_compiler": ""}, BOTH),
    "shared memory.*--ipc=host": ({"shared_bytes": LEAST_SHARED_BYTES - 1}, BOTH),
    "GiB of memory are free": ({"free_memory": 2**30}, BOTH),
    "'/data' has only 10.0 GiB": ({"free_disk": {"/data": USUAL_DISK_BYTES // 2}}, BOTH),
    "made for CUDA 13.*DEVICE=cpu": ({"gpus": ()}, BOTH),
    "torch finds only 1 of 2 GPUs": ({}, TorchFacts(("NVIDIA H100",))),
    "no C compiler": ({"c_compiler": "", "compiles_kernels": False}, BOTH),
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


@pytest.mark.parametrize("changes", [{"gpus": (), "hidden": 2}, {"torch_cuda": 0}])
def test_engines_on_the_cpu_need_no_compiler_and_no_driver(changes: dict[str, Any]) -> None:
    facts = GOOD._replace(c_compiler="", has_python_headers=False, driver=Driver(), **changes)
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


@pytest.mark.parametrize("gpus", [(PART, PART), (PART, H100)])
def test_several_parts_of_divided_gpus_are_refused(gpus: tuple[Gpu, ...]) -> None:
    """Ray would count the whole GPUs, and torch sees one part."""
    (problem,) = judge(GOOD._replace(gpus=gpus))
    assert problem.is_fatal
    assert "divided (MIG)" in str(problem)
    assert "a worker for each part" in str(problem)


def test_one_part_of_a_divided_gpu_is_as_good_as_a_gpu() -> None:
    assert judge(GOOD._replace(gpus=(PART,)), TorchFacts(("NVIDIA H100",))) == []


def test_a_gpu_that_torch_does_not_find_is_no_reason_to_use_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fitness, "visible_gpus", lambda: [H100])
    require_device("cpu")  # the installed torch is one for CPUs
    monkeypatch.setattr(fitness, "_cuda_of_torch", lambda: 13)
    require_device("cuda")
    with pytest.raises(MachineUnfit, match="reports 1 GPUs, and torch finds none"):
        require_device("cpu")
    monkeypatch.setattr(fitness, "visible_gpus", list)
    require_device("cpu")
