"""The machine's hardware, without torch and Ray."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.settings import public_environment

VISIBLE = "CUDA_VISIBLE_DEVICES"


class LocalGpus(NamedTuple):
    """The GPUs of a machine."""

    number: int = 0
    smallest_bytes: int = 0
    """Memory of the smallest GPU in bytes."""


class _Gpu(NamedTuple):
    names: tuple[str, ...]
    """What CUDA_VISIBLE_DEVICES can call it: its UUID, and its number unless it is a part."""
    memory: int


def local_gpus() -> LocalGpus:
    """Return the GPUs that this process may use: those of the machine, or some of them.

    CUDA_VISIBLE_DEVICES limits them. Numbers in it are those of the driver, as Ray gives them.
    """
    variable = public_environment((VISIBLE,)).get(VISIBLE)
    return _summary(_visible(list(_all_gpus()), variable))


def machine_gpus() -> LocalGpus:
    """Return the GPUs that NVIDIA's driver reports, none without a driver.

    A GPU that is divided (MIG) counts as its parts.
    """
    return _summary(_all_gpus())


def _summary(gpus: Iterable[_Gpu]) -> LocalGpus:
    sizes = [gpu.memory for gpu in gpus]
    return LocalGpus(len(sizes), min(sizes, default=0))


def _all_gpus() -> Iterator[_Gpu]:
    try:
        import pynvml  # pyright: ignore[reportMissingImports] - comes with vLLM for CUDA
    except ImportError:
        return
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return
    for number in range(pynvml.nvmlDeviceGetCount()):
        device = pynvml.nvmlDeviceGetHandleByIndex(number)
        if parts := list(_parts(pynvml, device)):
            yield from (_gpu(pynvml, part) for part in parts)
        else:
            yield _gpu(pynvml, device, str(number))


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


def _gpu(nvml: Any, device: Any, *names: str) -> _Gpu:
    memory = int(nvml.nvmlDeviceGetMemoryInfo(device).total)
    return _Gpu((*names, str(nvml.nvmlDeviceGetUUID(device))), memory)


def _visible(gpus: list[_Gpu], variable: str | None) -> Iterator[_Gpu]:
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
