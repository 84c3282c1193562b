"""A model's needs compared with the resources of this installation."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from evalboard.backends import backend_for
from evalboard.engine.hardware import LocalGpus, local_gpus, memory_bytes
from evalboard.engine.placing.sizing import fewest_gpus, gpu_numbers, model_size
from evalboard.errors import ConfigError, EngineError
from evalboard.settings import Settings


class MemoryNeeded(NamedTuple):
    """A model's needs and this installation's resources."""

    precision: str
    weight_bytes: int
    cache_bytes: int
    """Memory in bytes of all cached tokens on one GPU."""
    cached_tokens: int
    gpus: int
    """Limit of GPUs for one engine, 0 without GPUs."""
    usable_bytes: int
    """Memory of a GPU for an engine, in bytes."""
    tensor_parallel: int | None
    """Number of GPUs that the model needs, None if there are too few, 1 without GPUs."""
    most_gpus: int
    """Largest number of GPUs over which the model can be split."""
    bytes_per_gpu: int
    """Bytes on each of them in that case."""
    machine_bytes: int
    """Memory of this machine."""


def memory_needed(
    config: Mapping[str, Any], stored_bytes: int, *, precision: str, settings: Settings
) -> MemoryNeeded:
    """Return a model's needs, and the number of this installation's GPUs on which it fits.

    Args:
        config: What its `config.json` says about its size.
        stored_bytes: Size of its weight files.
        precision: Precision of the evaluation.
        settings: The settings.

    Raises:
        EngineError: The Ray cluster of the settings does not answer.
    """
    size = model_size(
        config, stored_bytes, precision=precision, max_length=settings.max_model_length
    )
    found = _installed_gpus(settings)
    spans = backend_for(precision, settings.backend).spans_gpus
    gpus = found.number if spans else min(found.number, 1)
    memory = settings.gpu_memory_bytes or found.smallest_bytes
    most = settings.tensor_parallel or max(gpu_numbers(size.heads, gpus))
    return MemoryNeeded(
        precision=precision,
        weight_bytes=size.weight_bytes,
        cache_bytes=size.cached_tokens * size.cache_bytes * size.kv_heads,
        cached_tokens=size.cached_tokens,
        gpus=gpus,
        usable_bytes=round(memory * settings.gpu_memory_fraction),
        tensor_parallel=fewest_gpus(
            size,
            gpu_bytes=memory if gpus else 0,
            fraction=settings.gpu_memory_fraction,
            gpus=gpus,
            fixed=settings.tensor_parallel,
        ),
        most_gpus=most,
        bytes_per_gpu=size.bytes_per_gpu(most, gpu_bytes=memory),
        machine_bytes=memory_bytes(),
    )


def runs_on_cpu(settings: Settings) -> bool:
    """Return whether engines run on this machine and without a GPU.

    A cluster may have other machines, of which nothing is said here.
    """
    return not settings.ray_address and not local_gpus().number


def _installed_gpus(settings: Settings) -> LocalGpus:
    """Return the GPUs of the largest machine of the settings' cluster, or of this machine."""
    if not settings.ray_address:
        return local_gpus()
    from evalboard.engine.placing import cluster  # the viewer's installation has no Ray

    try:
        cluster.connect(settings)
        found = cluster.cluster_gpus()
        memory = 0 if settings.gpu_memory_gib else cluster.gpu_memory_bytes(found.node_ids)
    except (ConfigError, ConnectionError, RuntimeError, TimeoutError) as exc:
        raise EngineError(
            f"Reading the GPUs of the Ray cluster at {settings.ray_address!r} failed: {exc}. Check "
            "RAY_ADDRESS and the cluster."
        ) from exc
    return LocalGpus(found.on_one_machine, memory)
