"""What the installed libraries and this machine are, for those who may not import them."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.engine.architectures import vllm_architectures as vllm_architectures
from evalboard.engine.hardware import LocalGpus, local_gpus, memory_bytes
from evalboard.engine.placing.sizing import CACHED_TOKENS, GIB, ModelSize, gpu_numbers, model_size
from evalboard.errors import EngineError
from evalboard.records.request import BITSANDBYTES
from evalboard.settings import Settings


class Versions(NamedTuple):
    """Versions that a score depends on."""

    backend: str
    lm_eval: str
    transformers: str
    torch: str


def versions(backend: str) -> Versions:
    """Return the versions in force for a backend: `vllm` or `hf`."""
    distribution = {"vllm": "vllm", "hf": "transformers"}[backend]
    return Versions(
        version(distribution), version("lm_eval"), version("transformers"), version("torch")
    )


def backend_for(precision: str, backend: str) -> str:
    """Return the backend that runs a precision: the board's own, where that can.

    vLLM refuses bitsandbytes.
    """
    return "hf" if precision in BITSANDBYTES else backend


def chat_template_sha(folder: Path) -> str | None:
    """Return the sha256 of a model's chat template, None when it has none."""
    from transformers import AutoTokenizer

    template = AutoTokenizer.from_pretrained(folder, trust_remote_code=False).chat_template
    return hashlib.sha256(str(template).encode()).hexdigest() if template else None


def architecture(folder: Path) -> str:
    """Return the first architecture that a model's configuration names, empty when none."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return next(iter(config.get("architectures") or [""]))


def machine() -> dict[str, Any]:
    """Return what this machine is: processors, memory and GPUs."""
    import torch

    return {
        "platform": platform.platform(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory_bytes() / 2**30, 1),
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
    }


class MemoryNeeded(NamedTuple):
    """What a model takes, and what this installation has for it."""

    precision: str
    weight_bytes: int
    cache_bytes: int
    """Of all tokens that are to be in the cache at the same time, on one GPU."""
    cached_tokens: int
    gpus: int
    """As many as one engine can be given; 0 where there are none."""
    usable_bytes: int
    """Memory of a GPU that an engine takes."""
    tensor_parallel: int | None
    """GPUs that the model needs; None when they are too few, 1 without GPUs."""
    most_gpus: int
    """As many of them as the model can be divided over."""
    bytes_per_gpu: int
    """What each would hold then."""
    machine_bytes: int
    """Memory of this machine."""


def memory_needed(
    config: Mapping[str, Any], stored_bytes: int, *, precision: str, settings: Settings
) -> MemoryNeeded:
    """Return what a model takes, and on how many of this installation's GPUs it fits.

    Args:
        config: The whole numbers of its `config.json`.
        stored_bytes: Size of its weight files.
        precision: What it is to run in.
        settings: Where the GPUs are, and how much of them is used.

    Raises:
        EngineError: The Ray cluster of the settings does not answer.
    """
    size = model_size(
        config, stored_bytes, precision=precision, max_length=settings.max_model_length
    )
    found = _installed_gpus(settings)
    one = backend_for(precision, settings.backend) == "hf"
    gpus = min(found.number, 1) if one else found.number
    memory = round((settings.gpu_memory_gib or 0) * GIB) or found.smallest_bytes
    most = settings.tensor_parallel or max(gpu_numbers(size.heads, gpus))
    tokens = max(size.max_length, CACHED_TOKENS)
    return MemoryNeeded(
        precision=precision,
        weight_bytes=size.weight_bytes,
        cache_bytes=tokens * size.cache_bytes * size.kv_heads,
        cached_tokens=tokens,
        gpus=gpus,
        usable_bytes=round(memory * settings.gpu_memory_fraction),
        tensor_parallel=_tensor_parallel(size, gpus, memory, settings),
        most_gpus=most,
        bytes_per_gpu=size.bytes_per_gpu(most),
        machine_bytes=memory_bytes(),
    )


def _tensor_parallel(size: ModelSize, gpus: int, memory: int, settings: Settings) -> int | None:
    if not gpus or not memory:
        return settings.tensor_parallel or 1
    usable = memory * settings.gpu_memory_fraction
    numbers = (
        [settings.tensor_parallel] if settings.tensor_parallel else gpu_numbers(size.heads, gpus)
    )
    return next((n for n in numbers if size.bytes_per_gpu(n) <= usable), None)


def _installed_gpus(settings: Settings) -> LocalGpus:
    """Return the GPUs of the largest machine of the settings' cluster, or of this machine."""
    if not settings.ray_address:
        return local_gpus()
    from evalboard.engine.placing import placement
    from evalboard.engine.placing.gpus import cluster_gpus, gpu_memory_bytes

    try:
        placement.connect(settings)
        found = cluster_gpus()
        memory = 0 if settings.gpu_memory_gib else gpu_memory_bytes(found.node_ids)
    except (ConnectionError, RuntimeError, TimeoutError) as exc:
        raise EngineError(
            f"The Ray cluster at {settings.ray_address!r} does not say what GPUs it has: {exc}. "
            "Check RAY_ADDRESS and the cluster."
        ) from exc
    return LocalGpus(found.on_one_machine, memory)
