"""Sort what the engine's libraries raise: memory, weights, architecture, or something else."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.errors import EngineError, EvalboardError, LoadFailed, OutOfMemory

OUT_OF_MEMORY = (
    # torch, on GPUs and CPUs, and the system itself
    "out of memory",
    "outofmemoryerror",
    "can't allocate memory",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    # vllm/v1/core/kv_cache_utils.py: the cache does not hold one request of full length
    "no available memory for the cache blocks",
    "larger than the available kv cache memory",
    "not enough gpu memory available to serve",
    # vllm/v1/worker/utils.py: somebody else holds the GPU's memory
    "less than desired gpu memory utilization",
    "exceed the desired gpu memory utilization",
    "less than the engine's budget",
    # vllm/v1/worker/cpu_worker.py
    "less than desired cpu memory utilization",
    "less than requested memory for kv",
    # vllm/config/compilation.py
    "exceeds available mamba cache blocks",
    # transformers/quantizers/quantizer_bnb_4bit.py and _8bit.py
    "some modules are dispatched on the cpu or the disk",
)
UNSUPPORTED_ARCHITECTURE = (
    # vllm/model_executor/models/registry.py
    "are not supported for now",
    "is not supported anymore",
    "is not supported in-tree anymore",
    "cannot find model module",
    "is not compatible with vllm",
    "no model architectures are specified",
    # vllm/compilation/decorators.py: no language model
    "not found in the forward method",
    # transformers/models/auto/configuration_auto.py and auto_factory.py
    "does not recognize this architecture",
    "unrecognized configuration class",
    "should have a `model_type` key",
)
BAD_WEIGHTS = (
    # safetensors
    "safetensorerror",
    # vllm/model_executor/model_loader/default_loader.py, weight_utils.py
    "weights were not initialized from checkpoint",
    "cannot find any model weights",
    "weight files referenced in index but missing",
    # transformers/modeling_utils.py
    "no file named model.safetensors",
    "does not appear to have a file named",
    # torch, peft
    "size mismatch",
)
WEIGHT_READERS = {"load_weights", "_load_pretrained_model", "set_peft_model_state_dict"}
"""Functions of vLLM, transformers and peft: what fails in them is about the weights. vLLM asserts
shapes without a word."""


ELSEWHERE = ("initialization failed",)
"""What vLLM says when one of its own processes failed, and only that one's log says why."""
LOG_BYTES = 50_000
LONGEST_TEXT = 600
"""Characters that a message takes over from a library; its log has the rest."""


@contextmanager
def loading_errors(settings: dict[str, Any], *, log_file: Path | None = None) -> Iterator[None]:
    """Translate what a library raises while a model is loaded.

    Args:
        settings: The engine settings in force, for the error.
        log_file: What this process and its children write to.

    Raises:
        OutOfMemory: Memory ran out.
        LoadFailed: Anything else; the message says whether weights or architecture are to blame.
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
        log = _written(log_file, begin) if log_file and _says(ELSEWHERE, exc, "") else ""
        raise classify(exc, settings, log) from exc


def classify(exc: Exception, settings: dict[str, Any], log: str = "") -> EngineError:
    """Return the project's error for what a library raised while loading."""
    text = " ".join(f"{type(exc).__name__}: {exc}".split()).rstrip(".")
    if len(text) > LONGEST_TEXT:
        text = text[:LONGEST_TEXT] + "…"
    if is_out_of_memory(exc, log):
        return OutOfMemory(
            f"Out of memory while loading: {text}. Use more GPUs for one engine, a shorter "
            "maximum length or a smaller precision.",
            settings=settings,
        )
    if is_unsupported_architecture(exc, log):
        return LoadFailed(
            f"Unsupported architecture: {text}. Try the other backend (EVALBOARD_BACKEND), or wait "
            "for a version of it that knows this architecture.",
            settings=settings,
        )
    if is_about_weights(exc, log):
        return LoadFailed(
            f"Bad weights: {text}. Save the model with `save_pretrained`, and upload all files it "
            "writes.",
            settings=settings,
        )
    return LoadFailed(
        f"The model cannot be loaded: {text}. See the engine's log.", settings=settings
    )


def is_out_of_memory(exc: BaseException, log: str = "") -> bool:
    """Return whether a library's error means that memory ran out.

    Args:
        exc: What was raised.
        log: What the library's own processes wrote, where `exc` only refers to that.
    """
    return isinstance(exc, MemoryError) or _says(OUT_OF_MEMORY, exc, log)


def is_unsupported_architecture(exc: BaseException, log: str = "") -> bool:
    """Return whether an error means that a library does not know the model's architecture."""
    return _says(UNSUPPORTED_ARCHITECTURE, exc, log)


def is_about_weights(exc: BaseException, log: str = "") -> bool:
    """Return whether an error means that the weights are broken or belong to another model."""
    readers = any(name in WEIGHT_READERS for name in _functions(exc))
    in_log = any(f"in {name}\n" in log for name in WEIGHT_READERS)
    return readers or in_log or _says(BAD_WEIGHTS, exc, log)


def _says(signs: tuple[str, ...], exc: BaseException, log: str) -> bool:
    text = f"{type(exc).__name__}: {exc}\n{log}".lower()
    return any(sign in text for sign in signs)


def _written(log_file: Path, begin: int) -> str:
    """Return the end of what was written to a log since it had a length."""
    with log_file.open("rb") as file:
        file.seek(max(begin, log_file.stat().st_size - LOG_BYTES))
        return file.read().decode("utf-8", errors="replace")


def _functions(exc: BaseException) -> Iterator[str]:
    """Yield the functions that an error went through."""
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        yield frame.f_code.co_name
