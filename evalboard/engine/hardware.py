"""The machine's hardware, without torch and Ray."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.process_environment import public_environment

VISIBLE = "CUDA_VISIBLE_DEVICES"


class LocalGpus(NamedTuple):
    """The GPUs of a machine."""

    number: int = 0
    smallest_bytes: int = 0
    """Memory of the smallest GPU in bytes."""


class ClusterGpus(NamedTuple):
    """The GPUs for engines."""

    total: int
    on_one_machine: int
    """Number of GPUs of the largest machine, because an engine runs on one machine."""
    cores_per_gpu: int
    """Processor cores per GPU, on the machine with the fewest."""
    node_ids: tuple[str, ...]
    """Machines with GPUs if Ray was asked, otherwise none."""


class Gpu(NamedTuple):
    """A GPU, or a part of a divided one (MIG)."""

    names: tuple[str, ...]
    """What CUDA_VISIBLE_DEVICES can call it: its UUID, and its number unless it is a part."""
    memory: int
    """Bytes, 0 if unknown."""
    model: str
    """Such as `NVIDIA H100`; that of the whole GPU for a part."""
    capability: tuple[int, int]
    """Compute capability."""
    is_part: bool = False


class Driver(NamedTuple):
    """NVIDIA's driver."""

    version: str = ""
    cuda: int = 0
    """Newest CUDA that it supports, the main number; 0 without a driver."""


def local_gpus() -> LocalGpus:
    """Return the GPUs that this process may use: those of the machine, or some of them."""
    return _summary(visible_gpus())


def visible_gpus() -> list[Gpu]:
    """Return each GPU that this process may use.

    CUDA_VISIBLE_DEVICES limits them. Numbers in it are those of the driver, as Ray gives them.
    """
    variable = public_environment((VISIBLE,)).get(VISIBLE)
    return list(_visible(list(_all_gpus()), variable))


def machine_gpus() -> LocalGpus:
    """Return the GPUs that NVIDIA's driver reports, none without a driver.

    A GPU that is divided (MIG) counts as its parts.
    """
    return _summary(_all_gpus())


def nvidia_driver() -> Driver:
    """Return NVIDIA's driver."""
    nvml = nvml_library()
    if nvml is None:
        return Driver()
    version = str(nvml.nvmlSystemGetDriverVersion())
    try:
        return Driver(version, int(nvml.nvmlSystemGetCudaDriverVersion_v2()) // 1000)
    except nvml.NVMLError:  # a container without the driver's library for CUDA
        return Driver(version)


def _summary(gpus: Iterable[Gpu]) -> LocalGpus:
    sizes = [gpu.memory for gpu in gpus]
    return LocalGpus(len(sizes), min(sizes, default=0))


def nvml_library() -> Any:
    """Return NVIDIA's library for GPUs, None without it or without a driver."""
    try:
        import pynvml  # pyright: ignore[reportMissingImports] - comes with vLLM for CUDA
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _all_gpus() -> Iterator[Gpu]:
    """Yield the GPUs that answer: one that has left the bus does not."""
    nvml = nvml_library()
    for number in range(nvml.nvmlDeviceGetCount() if nvml else 0):
        with suppress(nvml.NVMLError):
            device = nvml.nvmlDeviceGetHandleByIndex(number)
            whole = _gpu(nvml, device, str(number))
            parts = [_part(nvml, part, whole) for part in _parts(nvml, device)]
            yield from parts or [whole]


def _parts(nvml: Any, device: Any) -> Iterator[Any]:
    """Yield the parts of a divided GPU."""
    try:
        current, _ = nvml.nvmlDeviceGetMigMode(device)
    except nvml.NVMLError:  # a GPU that cannot be divided
        return
    if current != nvml.NVML_DEVICE_MIG_ENABLE:
        return
    for number in range(nvml.nvmlDeviceGetMaxMigDeviceCount(device)):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(device, number)
        except nvml.NVMLError:  # no part has this number
            continue


def _memory(nvml: Any, device: Any) -> int:
    """Return a GPU's memory in bytes, 0 if it is unknown.

    It is where the GPU shares the processor's, and of a divided GPU in some containers.
    """
    try:
        return int(nvml.nvmlDeviceGetMemoryInfo(device).total)
    except nvml.NVMLError:
        return 0


def _gpu(nvml: Any, device: Any, number: str) -> Gpu:
    memory = _memory(nvml, device)
    names = (number, str(nvml.nvmlDeviceGetUUID(device)))
    major, minor = nvml.nvmlDeviceGetCudaComputeCapability(device)
    return Gpu(names, memory, str(nvml.nvmlDeviceGetName(device)), (major, minor))


def _part(nvml: Any, part: Any, whole: Gpu) -> Gpu:
    names = (str(nvml.nvmlDeviceGetUUID(part)),)
    return Gpu(names, _memory(nvml, part), whole.model, whole.capability, is_part=True)


def _visible(gpus: list[Gpu], variable: str | None) -> Iterator[Gpu]:
    """Yield the GPUs that a value of CUDA_VISIBLE_DEVICES names, up to the first unknown name.

    https://docs.nvidia.com/cuda/cuda-c-programming-guide/index.html#cuda-environment-variables
    """
    if variable is None:
        yield from gpus
        return
    for name in map(str.strip, variable.split(",")):
        named = [gpu for gpu in gpus if any(_is_called(own, name) for own in gpu.names)]
        if len(named) != 1:
            return
        yield named[0]


def _is_called(own: str, name: str) -> bool:
    """Return whether a name means a GPU: all of its number, or enough of its UUID."""
    return own == name or (len(name) > len("GPU-") and own.startswith(name))


def memory_bytes() -> int:
    """Return the memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_kills() -> int:
    """Return the number of processes that Linux has killed for lack of memory since the boot."""
    lines = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
