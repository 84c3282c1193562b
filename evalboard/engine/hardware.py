"""The machine's hardware, without torch and Ray."""

import os
from pathlib import Path
from typing import NamedTuple


class LocalGpus(NamedTuple):
    """The GPUs of a machine."""

    number: int = 0
    smallest_bytes: int = 0
    """Memory of the smallest GPU in bytes."""


def local_gpus() -> LocalGpus:
    """Return the GPUs that NVIDIA's driver reports, none without a driver."""
    try:
        import pynvml  # pyright: ignore[reportMissingImports] - comes with vLLM for CUDA
    except ImportError:
        return LocalGpus()
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return LocalGpus()
    devices = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
    sizes = [int(pynvml.nvmlDeviceGetMemoryInfo(device).total) for device in devices]
    return LocalGpus(len(sizes), min(sizes, default=0))


def memory_bytes() -> int:
    """Return the memory of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory_kills() -> int:
    """Return the number of processes that Linux has killed for lack of memory since the boot."""
    lines = Path("/proc/vmstat").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
