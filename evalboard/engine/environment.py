"""Environment variables that the engine's libraries read at import, without importing any of them.

`common` is set when an engine's process starts. Variables that depend on the device are set in the
process, which alone knows its device: a cluster's driver may have no GPU, and Ray can simulate
GPUs.
"""

import os
import sys
from pathlib import Path

import evalboard
from evalboard.backends import BACKENDS

PACKAGE_FOLDER = Path(evalboard.__file__).parent.parent
KEPT_BYTES = 2**30
"""Memory blocks up to this size in bytes are reused instead of being returned to the system."""


def import_path() -> str:
    """Return the PYTHONPATH that gives another process the imports of this one."""
    places = [str(PACKAGE_FOLDER), *(place for place in sys.path if Path(place).is_absolute())]
    return os.pathsep.join(places)


def common(*, offline: bool) -> dict[str, str]:
    """Return the variables of every engine, including those of all backends: each reads its own."""
    variables = {
        "TOKENIZERS_PARALLELISM": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # On a CPU a layer's tensors are as large as glibc gives back to the system at once, and the
        # pages of every one are zeroed anew: up to half of the time. Read at a process's start.
        "MALLOC_MMAP_THRESHOLD_": str(KEPT_BYTES),
        "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES),
    }
    for backend in BACKENDS.values():
        variables |= backend.environment
    return variables | ({"HF_HUB_OFFLINE": "1"} if offline else {})


def of_device(device: str, *, cpu_kv_cache_gib: int) -> dict[str, str]:
    """Return the variables of an engine on `cuda` or `cpu`."""
    if device != "cpu":
        return {}
    return {
        name: value.format(cpu_kv_cache_gib=cpu_kv_cache_gib)
        for backend in BACKENDS.values()
        for name, value in backend.cpu_environment.items()
    }


def environment(*, device: str, cpu_kv_cache_gib: int, offline: bool) -> dict[str, str]:
    """Return both, for a process whose device is known in advance."""
    return common(offline=offline) | of_device(device, cpu_kv_cache_gib=cpu_kv_cache_gib)
