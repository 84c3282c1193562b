"""How much of the cluster an engine of one model gets, at first and after it ran out of memory."""

import json
from typing import NamedTuple

from evalboard.backends import find_backend
from evalboard.engine.placing import placement
from evalboard.engine.placing.cluster import ClusterGpus, gpu_memory_bytes
from evalboard.engine.placing.ladder import next_limits
from evalboard.engine.placing.sizing import ModelSize, gpu_numbers, gpus_needed, model_size
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import ConfigError, EvalboardError
from evalboard.records.choice import WeightType
from evalboard.repositories import find_repository
from evalboard.repositories.selection import weight_files

CONFIG_BYTES = 10_000_000


class Headroom(NamedTuple):
    """What there is for smaller settings to make use of."""

    longest_request: int | None
    """In tokens, with its answer; None where a shorter maximum length is of no use."""
    max_gpus: int
    """As many as one engine can take; 0 where there are none."""
    takes_share: bool
    """Whether an engine takes a share of a GPU's memory that can be smaller."""


NO_HEADROOM = Headroom(longest_request=None, max_gpus=0, takes_share=False)


def starting_limits(spec: EngineSpec) -> EngineLimits:
    """Return what an engine of a model takes at first.

    Raises:
        ConfigError: The cluster has too few GPUs, or too small ones.
        StoreError: The model's repository cannot be reached.
    """
    gpus = placement.gpus(spec)
    return EngineLimits(
        resource="gpus" if gpus.total else "cores",
        tensor_parallel=_tensor_parallel(spec, gpus),
        max_num_seqs=find_backend(spec.backend).batch_size,
        gpu_memory_fraction=spec.settings.gpu_memory_fraction,
    )


def find_headroom(spec: EngineSpec) -> Headroom:
    """Return what smaller settings can make use of, as the backend takes memory."""
    backend, has_gpus = find_backend(spec.backend), spec.limits.resource == "gpus"
    return Headroom(
        longest_request=_longest_request(spec) if backend.reserves_memory else None,
        max_gpus=_most_gpus(spec) if has_gpus and backend.spans_gpus else 0,
        takes_share=has_gpus and backend.reserves_memory,
    )


def _longest_request(spec: EngineSpec) -> int | None:
    """Ask a process that is started for that; None where a shorter length is of no use."""
    asking = spec.model_copy(
        update={
            "name": f"{spec.name}-headroom",
            "limits": spec.limits.model_copy(update={"resource": "nothing"}),
        }
    )
    engine = placement.EngineHandle(asking)
    try:
        return engine.longest_request()
    except EvalboardError:
        return None  # unknown, so the length stays
    finally:
        engine.close()


def smaller_limits(limits: EngineLimits, available: Headroom) -> EngineLimits | None:
    """Return the next smaller settings, None when there are none left."""
    return next_limits(
        limits,
        longest_request=available.longest_request,
        max_gpus=available.max_gpus,
        takes_share=available.takes_share,
    )


def _tensor_parallel(spec: EngineSpec, gpus: ClusterGpus) -> int:
    wanted = spec.settings.tensor_parallel
    if not gpus.node_ids:
        return 1
    if wanted and wanted > gpus.on_one_machine:
        raise ConfigError(
            f"One engine needs {wanted} GPUs, but no machine of the Ray cluster has more than "
            f"{gpus.on_one_machine}. Lower EVALBOARD_TENSOR_PARALLEL, or use a cluster with larger "
            "machines (RAY_ADDRESS)."
        )
    if wanted or not find_backend(spec.backend).spans_gpus:
        return wanted or 1
    return gpus_needed(
        _size(spec),
        gpu_bytes=spec.settings.gpu_memory_bytes or gpu_memory_bytes(gpus.node_ids),
        fraction=spec.settings.gpu_memory_fraction,
        gpus=gpus.on_one_machine,
    )


def _most_gpus(spec: EngineSpec) -> int:
    return max(gpu_numbers(_size(spec).heads, placement.gpus(spec).on_one_machine))


def _size(spec: EngineSpec) -> ModelSize:
    """Return the size of a model; of an adapter or a delta that of its base."""
    if spec.weight_type == WeightType.ORIGINAL:
        address, revision = spec.folder or spec.model, spec.revision
    else:
        address, revision = spec.base_folder or spec.base_model, spec.base_revision
    repository = find_repository(str(address), revision, spec.settings)
    files = repository.files()
    return model_size(
        json.loads(repository.read("config.json", max_bytes=CONFIG_BYTES)),
        sum(files[path] for path in weight_files(files)),
        precision=spec.precision,
        max_length=spec.settings.max_model_length,
    )
