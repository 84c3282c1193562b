"""The resources of an engine, initially and after it ran out of memory."""

import json

from evalboard.backends import find_backend
from evalboard.engine.hardware import ClusterGpus
from evalboard.engine.lengths import starting_length
from evalboard.engine.placing import placement
from evalboard.engine.placing.ladder import Headroom
from evalboard.engine.placing.sizing import ModelSize, gpu_numbers, gpus_needed, model_size
from evalboard.engine.spec import EngineLimits, EngineSpec
from evalboard.errors import ConfigError, EvalboardError, Shortage
from evalboard.records.choice import WeightType
from evalboard.repositories import find_repository
from evalboard.repositories.selection import weight_files

CONFIG_BYTES = 10_000_000


MEASURED = frozenset({Shortage.CACHE, Shortage.LENGTH})
"""The shortages for which the longest request matters. All requests are built to find it."""


def starting_limits(spec: EngineSpec) -> EngineLimits:
    """Return the initial resources of a model's engine.

    Raises:
        ConfigError: The cluster has too few GPUs, or too small ones.
        StoreError: The model's repository cannot be reached.
    """
    gpus = placement.gpus(spec)
    backend = find_backend(spec.backend)
    return EngineLimits(
        resource="gpus" if gpus.total else "cores",
        tensor_parallel=_tensor_parallel(spec, gpus),
        max_num_seqs=backend.batch_size,
        max_length=starting_length(_answer_tokens(spec)) if backend.reserves_memory else None,
        gpu_memory_fraction=spec.settings.gpu_memory_fraction,
    )


def _answer_tokens(spec: EngineSpec) -> int:
    """Return the tokens of the longest answer in words that any suite asks for, 0 for none."""
    policies = (suite.generation for suite in spec.suites)
    return max((policy.max_tokens for policy in policies if policy), default=0)


def find_headroom(spec: EngineSpec, shortage: Shortage) -> Headroom:
    """Return the options for other settings, depending on the backend's use of memory."""
    backend, has_gpus = find_backend(spec.backend), spec.limits.resource == "gpus"
    measures = backend.reserves_memory and shortage in MEASURED
    return Headroom(
        longest_request=_longest_request(spec) if measures else None,
        max_gpus=_most_gpus(spec) if has_gpus and backend.spans_gpus else 0,
        reserves_memory=backend.reserves_memory,
        takes_share=has_gpus and backend.reserves_memory,
    )


def _longest_request(spec: EngineSpec) -> int | None:
    """Return the longest request in tokens, None if the length must not change."""
    engine = placement.EngineHandle(spec.without_model())
    try:
        return engine.longest_request()
    except EvalboardError:
        return None  # unknown, so the length stays
    finally:
        engine.close()


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
    from evalboard.engine.placing.cluster import gpu_memory_bytes  # imports Ray

    return gpus_needed(
        _size(spec),
        gpu_bytes=spec.settings.gpu_memory_bytes or gpu_memory_bytes(gpus.node_ids),
        fraction=spec.settings.gpu_memory_fraction,
        gpus=gpus.on_one_machine,
    )


def _most_gpus(spec: EngineSpec) -> int:
    return max(gpu_numbers(_size(spec).heads, placement.gpus(spec).on_one_machine))


def _size(spec: EngineSpec) -> ModelSize:
    """Return the size of a model; for an adapter or a delta, that of its base."""
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
