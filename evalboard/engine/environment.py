"""Variables that the engine's libraries read at import. Imports none of them.

`common` is set where an engine's process starts. What depends on the device is set in the process,
which alone knows it: a cluster's driver may have no GPU, and the nodes' Ray may pretend some.
"""

import os
import sys
from pathlib import Path

import evalboard
from evalboard.backends import BACKENDS

PACKAGE_FOLDER = Path(evalboard.__file__).parent.parent
KEPT_BYTES = 2**30
"""Memory up to this size is used again instead of being given back."""


def import_path() -> str:
    """Return the PYTHONPATH with which another process imports what this one imports."""
    places = [str(PACKAGE_FOLDER), *(place for place in sys.path if Path(place).is_absolute())]
    return os.pathsep.join(places)


def common(*, offline: bool) -> dict[str, str]:
    """Return the variables of every engine, those of all backends among them: each reads its own."""
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
    """Return both, for a process of which the device is known beforehand."""
    return common(offline=offline) | of_device(device, cpu_kv_cache_gib=cpu_kv_cache_gib)
