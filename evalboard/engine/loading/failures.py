"""Classify errors of the engine's libraries: memory, machine, weights, architecture, or others."""

import socket
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from evalboard.backends import BACKENDS, FailureSigns
from evalboard.errors import (
    EngineError,
    EvalboardError,
    LoadFailed,
    MachineUnfit,
    OutOfMemory,
    Shortage,
)
from evalboard.files import read_end
from evalboard.wording import first_few

SIGNS = FailureSigns(
    out_of_memory={
        Shortage.STEP: (
            # torch, on GPUs and CPUs, and the system itself
            "out of memory",
            "memoryerror",  # Python's, and torch's OutOfMemoryError
            "can't allocate memory",
            "cannot allocate memory",
            "cublas_status_alloc_failed",
            # transformers/quantizers/quantizer_bnb_4bit.py and _8bit.py
            "some modules are dispatched on the cpu or the disk",
        ),
    },
    unfit_machine=(
        # the system: ENOSPC, EDQUOT
        "no space left on device",
        "disk quota exceeded",
        # torch/csrc/cuda/Module.cpp, c10/cuda/CUDAFunctions.cpp, torch/cuda/__init__.py
        "nvidia driver on your system is too old",
        "found no nvidia driver on your system",
        "no cuda gpus are available",
        # CUDA's names of its errors: cudaErrorInsufficientDriver, NoKernelImageForDevice, NoDevice,
        # SystemNotReady, SystemDriverMismatch, ECCUncorrectable
        "cuda driver version is insufficient",
        "no kernel image is available for execution",
        "no cuda-capable device is detected",
        "system not yet initialized",
        "unsupported display driver / cuda driver combination",
        "uncorrectable ecc error",
        # torch/csrc/distributed/c10d/NCCLUtils.hpp
        "nccl error in:",
        "distbackenderror",
        # triton/runtime/build.py, and the sources that it compiles for NVIDIA's driver
        "failed to find c compiler",
        "cuda_utils.c",
        "python.h: no such file",
        # torch/_inductor/exc.py
        "no working c++ compiler found",
    ),
    unsupported_architecture=(
        # transformers/models/auto/configuration_auto.py and auto_factory.py
        "does not recognize this architecture",
        "unrecognized configuration class",
        "should have a `model_type` key",
    ),
    bad_weights=(
        # safetensors
        "safetensorerror",
        # transformers/modeling_utils.py
        "no file named model.safetensors",
        "does not appear to have a file named",
        # torch, peft
        "size mismatch",
    ),
    weight_readers=("_load_pretrained_model", "set_peft_model_state_dict"),
)
"""Texts of torch, transformers and peft, which every backend uses. A backend's own texts are in its
description; no text of one library means something else in another.
"""
LOG_TAIL_BYTES = 50_000
MAX_NAMES = 3
"""Number of tensors to name in a message."""
MAX_LIBRARY_TEXT = 600
"""Number of characters to quote from a library's message. The log has the rest."""


@contextmanager
def loading_errors(settings: dict[str, Any], *, log_file: Path | None = None) -> Iterator[None]:
    """Translate a library's errors during loading.

    Args:
        settings: The engine settings in force, for the error.
        log_file: Log file of this process and its children.

    Raises:
        OutOfMemory: Memory ran out.
        MachineUnfit: This machine is the cause.
        LoadFailed: Any other failure. The message names weights or architecture as the cause.
    """
    begin = log_file.stat().st_size if log_file and log_file.is_file() else 0
    try:
        yield
    except EngineError as exc:
        exc.settings = exc.settings or settings
        raise
    except EvalboardError:
        raise
    except Exception as exc:
        log = ""
        if log_file and _says(_signs("in_log"), exc, ""):
            log = read_end(log_file, max_bytes=LOG_TAIL_BYTES, begin=begin)
        raise classify(exc, settings, log) from exc


def classify(exc: Exception, settings: dict[str, Any], log: str = "") -> EngineError:
    """Return the project's error for a library's error during loading."""
    text = " ".join(f"{type(exc).__name__}: {exc}".split()).rstrip(".")
    if len(text) > MAX_LIBRARY_TEXT:
        text = text[:MAX_LIBRARY_TEXT] + "…"
    if shortage := shortage_in(exc, log):
        return OutOfMemory(
            f"Out of memory during loading: {text}. Use more GPUs per engine "
            "(EVALBOARD_TENSOR_PARALLEL), a shorter context (EVALBOARD_MAX_MODEL_LENGTH) or a "
            "smaller precision.",
            shortage=shortage,
            settings=settings,
        )
    if is_unfit_machine(exc, log):
        return MachineUnfit(unfit(text), settings=settings)
    if is_unsupported_architecture(exc, log):
        return LoadFailed(
            f"Unsupported architecture: {text}. Try another backend (EVALBOARD_BACKEND), or wait "
            "for a version that supports this architecture.",
            settings=settings,
        )
    if is_about_weights(exc, log):
        return LoadFailed(
            f"Bad weights: {text}. Save the model with `save_pretrained` and upload all files that "
            "it writes.",
            settings=settings,
        )
    return LoadFailed(
        f"The model cannot be loaded: {text}. See the engine's log.", settings=settings
    )


def shortage_in(exc: BaseException, log: str = "") -> Shortage | None:
    """Return what was too small if a library's error means that memory ran out, otherwise None.

    Args:
        exc: The error.
        log: Output of the library's own processes, if `exc` only refers to it.
    """
    found = (
        shortage
        for signs in _every_signs()
        for shortage, texts in signs.out_of_memory.items()
        if _says(texts, exc, log)
    )
    return next(found, None)


def is_unfit_machine(exc: BaseException, log: str = "") -> bool:
    """Return whether a library's error means that this machine cannot run engines.

    Lack of memory takes precedence: other workers of an engine that ran out of it only see their
    connections end.
    """
    return _says(_signs("unfit_machine"), exc, log)


def unfit(problem: str) -> str:
    """Return the message about this machine."""
    return (
        f"The machine {socket.gethostname()} is at fault, not the model: {problem}. Run "
        "`evalboard doctor` on it."
    )


def is_unsupported_architecture(exc: BaseException, log: str = "") -> bool:
    """Return whether an error means that a library does not support the model's architecture."""
    return _says(_signs("unsupported_architecture"), exc, log)


def is_about_weights(exc: BaseException, log: str = "") -> bool:
    """Return whether an error means that the weights are corrupt or belong to another model."""
    readers = _signs("weight_readers")
    failed = any(name in readers for name in _functions(exc))
    in_log = any(f"in {name}\n" in log for name in readers)
    return failed or in_log or _says(_signs("bad_weights"), exc, log)


def is_fatal(exc: BaseException) -> bool:
    """Return whether a library's error means that the engine in its process is unusable."""
    return type(exc).__name__ in _signs("fatal")


def some(names: Sequence[str]) -> str:
    """Return the first few names of tensors, for a message."""
    return first_few([repr(name) for name in names], MAX_NAMES)


def _signs(kind: str) -> tuple[str, ...]:
    return tuple(chain.from_iterable(getattr(signs, kind) for signs in _every_signs()))


def _every_signs() -> tuple[FailureSigns, ...]:
    """Return the libraries' signs, those with a narrower meaning first."""
    return (*(backend.failures for backend in BACKENDS.values()), SIGNS)


def _says(signs: tuple[str, ...], exc: BaseException, log: str) -> bool:
    text = f"{type(exc).__name__}: {exc}\n{log}".lower()
    return any(sign in text for sign in signs)


def _functions(exc: BaseException) -> Iterator[str]:
    """Yield the functions in an error's traceback."""
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        yield frame.f_code.co_name
