"""What GPUs a Ray cluster has: how many on each machine, and how much memory they have."""

from typing import Any, NamedTuple

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from evalboard.engine.hardware import local_gpus

ANSWER_SECONDS = 60


class ClusterGpus(NamedTuple):
    """The GPUs that engines can be placed on."""

    total: int
    on_one_machine: int
    """As many as the largest machine has: one engine runs on one machine."""
    cores_per_gpu: int
    """Processor cores beside each of them, on the machine that has the fewest."""
    node_ids: tuple[str, ...]
    """Machines that have some."""


def cluster_gpus() -> ClusterGpus:
    """Return the GPUs that Ray knows of; all numbers are 0 where there are none."""
    machines = [
        (node["NodeID"], int(node["Resources"]["GPU"]), int(node["Resources"].get("CPU", 0)))
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("GPU")
    ]
    return ClusterGpus(
        total=sum(gpus for _, gpus, _ in machines),
        on_one_machine=max((gpus for _, gpus, _ in machines), default=0),
        cores_per_gpu=min((cores // gpus for _, gpus, cores in machines), default=0),
        node_ids=tuple(node_id for node_id, _, _ in machines),
    )


def gpu_memory_bytes(node_ids: tuple[str, ...]) -> int:
    """Return the memory of the smallest GPU of some machines, in bytes; 0 where none says."""
    ask: Any = ray.remote(num_cpus=0, max_calls=1)(_smallest_here)
    answers = [
        ask.options(
            scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False)
        ).remote()
        for node_id in node_ids
    ]
    return min(ray.get(answers, timeout=ANSWER_SECONDS), default=0)


def _smallest_here() -> int:
    """Return the memory of this machine's smallest GPU, 0 when it only pretends to have some."""
    return local_gpus().smallest_bytes
