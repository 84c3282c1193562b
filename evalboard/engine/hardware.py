"""What GPUs this machine has, asked of its driver; neither torch nor Ray is imported for that."""

from typing import NamedTuple


class LocalGpus(NamedTuple):
    """The GPUs of a machine."""

    number: int = 0
    smallest_bytes: int = 0
    """Memory of the smallest one."""


def local_gpus() -> LocalGpus:
    """Return the GPUs that NVIDIA's driver shows; none where it is not there."""
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
