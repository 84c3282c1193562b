"""The machine's memory, and GPUs of a stand-in for NVIDIA's library: tests run where there are none."""

import sys
from types import SimpleNamespace

import psutil
import pytest

from evalboard.engine.hardware import (
    Driver,
    LocalGpus,
    local_gpus,
    machine_gpus,
    memory_bytes,
    memory_kills,
    nvidia_driver,
    visible_gpus,
)

GIB = 2**30


class NVMLError(Exception):
    """Has the name of the library's."""


class StandInLibrary:
    """Two whole GPUs, and one that is divided into two parts. Has the functions of `pynvml`."""

    NVMLError = NVMLError
    NVML_DEVICE_MIG_ENABLE = 1

    def __init__(self, gpus: list[SimpleNamespace]) -> None:
        self._gpus = gpus

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> SimpleNamespace:
        if self._gpus[number].uuid == "GPU-lost":
            raise NVMLError("GPU is lost")
        return self._gpus[number]

    def nvmlDeviceGetMemoryInfo(self, gpu: SimpleNamespace) -> SimpleNamespace:
        if not gpu.gib:
            raise NVMLError("Not Supported")
        return SimpleNamespace(total=gpu.gib * GIB)

    def nvmlDeviceGetUUID(self, gpu: SimpleNamespace) -> str:
        return gpu.uuid

    def nvmlDeviceGetName(self, gpu: SimpleNamespace) -> str:
        return f"GPU with {gpu.gib} GiB"

    def nvmlDeviceGetCudaComputeCapability(self, gpu: SimpleNamespace) -> list[int]:
        return [9, 0]

    def nvmlSystemGetDriverVersion(self) -> str:
        return "580.65.06"

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        if not self._gpus:
            raise NVMLError("Function Not Found")
        return 13010

    def nvmlDeviceGetMigMode(self, gpu: SimpleNamespace) -> tuple[int, int]:
        if gpu.parts is None:
            raise NVMLError("Not Supported")
        return int(bool(gpu.parts)), 0

    def nvmlDeviceGetMaxMigDeviceCount(self, gpu: SimpleNamespace) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(
        self, gpu: SimpleNamespace, number: int
    ) -> SimpleNamespace:
        if number not in gpu.parts:
            raise NVMLError("Not Found")
        return gpu.parts[number]


def gpu(uuid: str, gib: int, parts: dict[int, SimpleNamespace] | None = None) -> SimpleNamespace:
    return SimpleNamespace(uuid=uuid, gib=gib, parts=parts)


@pytest.fixture(autouse=True)
def library(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {1: gpu("MIG-c1", 20), 4: gpu("MIG-c2", 10)}
    gpus = [gpu("GPU-aa11", 24), gpu("GPU-ab22", 80, {}), gpu("GPU-cc33", 80, parts)]
    monkeypatch.setitem(sys.modules, "pynvml", StandInLibrary(gpus))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_a_divided_gpu_counts_as_its_parts() -> None:
    assert local_gpus() == LocalGpus(4, 10 * GIB)


@pytest.mark.parametrize(
    ("variable", "number", "smallest"),
    [
        ("", 0, 0),
        ("-1", 0, 0),
        ("1", 1, 80),
        ("1, 0", 2, 24),
        ("1,7,0", 1, 80),
        ("GPU-ab22", 1, 80),
        ("GPU-ab", 1, 80),
        ("GPU-a", 0, 0),
        ("MIG-c1", 1, 20),
        ("1,MIG-c2", 2, 10),
        ("2", 0, 0),
    ],
)
def test_only_visible_gpus_count(
    variable: str, number: int, smallest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", variable)
    assert local_gpus() == LocalGpus(number, smallest * GIB)
    assert machine_gpus() == LocalGpus(4, 10 * GIB)


def test_each_gpu_has_the_name_and_the_capability_of_its_model() -> None:
    models = [(gpu.model, gpu.capability, gpu.is_part) for gpu in visible_gpus()]
    whole = ("GPU with 80 GiB", (9, 0))
    assert models[1:] == [(*whole, False), (*whole, True), (*whole, True)]
    assert nvidia_driver() == Driver("580.65.06", 13)


def test_gpus_that_say_little_or_nothing_stop_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus = [
        gpu("GPU-lost", 80),
        gpu("GPU-shares-memory", 0),
        gpu("GPU-c", 0, {0: gpu("MIG-c", 20)}),
    ]
    monkeypatch.setitem(sys.modules, "pynvml", StandInLibrary(gpus))
    assert [(found.names[0], found.memory) for found in visible_gpus()] == [
        ("1", 0),
        ("MIG-c", 20 * GIB),
    ]
    monkeypatch.setitem(sys.modules, "pynvml", StandInLibrary([]))
    assert nvidia_driver() == Driver("580.65.06", 0)


def test_there_are_none_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert local_gpus() == LocalGpus()
    assert nvidia_driver() == Driver()


def test_memory_is_what_the_machine_has() -> None:
    assert memory_bytes() == psutil.virtual_memory().total


def test_kills_for_memory_are_those_that_linux_counts() -> None:
    def counted() -> int:
        with open("/proc/vmstat", encoding="utf-8") as file:
            return int(dict(line.split() for line in file)["oom_kill"])

    before = counted()
    assert before <= memory_kills() <= counted()
