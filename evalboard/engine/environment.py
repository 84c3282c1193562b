"""Environment variables that the engine's libraries read at import, without importing any of them.

`common` is set when an engine's process starts, on its machine. Other variables that depend on the
device are set in the process, which alone knows its device: Ray can simulate GPUs.
"""

import os
import sys
from pathlib import Path

import evalboard
from evalboard.backends import BACKENDS
from evalboard.process_environment import LIBRARY_PATH, public_environment

PACKAGE = Path(evalboard.__file__).parent
PACKAGE_FOLDER = PACKAGE.parent
KEPT_BYTES = 2**30
"""Memory blocks up to this size in bytes are reused instead of being returned to the system."""


def import_path() -> str:
    """Return the PYTHONPATH that gives another process the imports of this one."""
    places = [str(PACKAGE_FOLDER), *(place for place in sys.path if Path(place).is_absolute())]
    return os.pathsep.join(places)


_PASSED_ON = (
    "CUDA_",
    "FLASHINFER_",
    "GLOO_",
    "HIP_",
    "KMP_",
    "LANG",
    "LC_",
    LIBRARY_PATH,
    "MKL_",
    "NCCL_",
    "NVIDIA_",
    "OMP_",
    "OPENBLAS_",
    "PATH",
    "PYTORCH_",
    "ROCR_",
    "TORCH",
    "TRITON_",
    "TZ",
    "VLLM_",
)
"""Beginnings of the variables that a confined engine gets from its holder: none of a store's."""


def passed_on() -> dict[str, str]:
    """Return the variables that a confined engine gets from its holder."""
    return public_environment(_PASSED_ON)


def confined_environment(scratch: Path, kernels: Path, *, on_gpu: bool) -> dict[str, str]:
    """Return all variables of a confined engine: no token, no settings, no Hub.

    Args:
        scratch: Its folder for temporary files. A link to this package is made there: the folder of
            a checkout, which contains much else, cannot be read.
        kernels: Folder for what the libraries compile until it is confined.
        on_gpu: Whether it may use a GPU.
    """
    packages = scratch / "packages"
    packages.mkdir()
    (packages / PACKAGE.name).symlink_to(PACKAGE)
    folders = {name: str(scratch) for name in ("HOME", "TMPDIR", "HF_HOME", "XDG_CACHE_HOME")}
    alone = {"VLLM_HOST_IP": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    imports = f"{packages}{os.pathsep}{import_path()}"
    python = {"PYTHONPATH": imports, "PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return (
        passed_on()
        | common(offline=True, on_gpu=on_gpu)
        | kernel_caches(kernels)
        | alone
        | folders
        | python
    )


def kernel_caches(folder: Path) -> dict[str, str]:
    """Return the variables that let libraries keep compiled kernels in a folder."""
    return {
        name: str(folder / place)
        for name, place in (
            ("TORCHINDUCTOR_CACHE_DIR", "inductor"),
            ("TRITON_CACHE_DIR", "triton"),
            ("VLLM_CACHE_ROOT", "vllm"),
            ("FLASHINFER_WORKSPACE_BASE", "flashinfer"),
        )
    }


def common(*, offline: bool, on_gpu: bool) -> dict[str, str]:
    """Return the variables of every engine, including those of all backends: each reads its own.

    Args:
        offline: Whether it must not use the Hub.
        on_gpu: Whether it may use a GPU. What it reads at its start depends on that.
    """
    variables = {
        "TOKENIZERS_PARALLELISM": "true",
        # GPUs have the same numbers for CUDA as for the driver, which Ray and the checks ask.
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
        # torch then asks NVIDIA's driver for devices without starting its threads.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if not on_gpu:
        # A layer's tensors are as large as glibc gives back to the system at once, and the pages of
        # every one are zeroed anew: up to half of the time.
        thresholds = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")
        variables |= dict.fromkeys(thresholds, str(KEPT_BYTES))
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
    return common(offline=offline, on_gpu=device != "cpu") | of_device(
        device, cpu_kv_cache_gib=cpu_kv_cache_gib
    )
