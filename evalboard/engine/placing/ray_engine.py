"""An engine that Ray places: its holder is an actor, on a machine of the cluster."""

import time
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError
from ray.exceptions import OutOfMemoryError as RayOutOfMemoryError

from evalboard.engine.placing.calling import (
    CALLS_AT_ONCE,
    POLL_SECONDS,
    NoAnswer,
    OnWait,
    ProcessEnded,
    Unforeseen,
    unforeseen,
)
from evalboard.engine.placing.cluster import cluster_gpus
from evalboard.engine.placing.holder import EngineHolder, Node
from evalboard.engine.placing.skew import require_same, versions_here
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineDied, EvalboardError, NodeLost, OutOfMemory

LOSS_NOTICE_SECONDS = 2.0
"""Time for a cluster to notice a lost machine after it knows about the process."""
END_SECONDS = 2.0
"""Time for a holder to put its things away. Killed, it leaves a folder of links."""
UNREACHABLE_SECONDS = 60.0
"""Time while nothing is known about the process either. Ray's own limit is 25 s."""


class RayEngine:
    """An actor and its machine.

    Args:
        holder: Class of the actor.
        spec: Specification of its engine.
        made_of: Module that makes the engine in its process.
    """

    def __init__(self, holder: type[EngineHolder], spec: EngineSpec, made_of: str) -> None:
        actor = ray.remote(holder).options(
            name=spec.name, max_concurrency=CALLS_AT_ONCE, **_resources(spec)
        )
        self._actor: Any = actor.remote(spec, made_of)
        self._backend = spec.backend
        self._node_id = ""

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Wait until Ray has placed the actor, on a machine with the versions of this one.

        Raises:
            MachineUnfit: It has others.
        """
        if not self._node_id:
            node: Node = self._wait_for(self._actor.node.remote(), seconds, on_wait)
            require_same(versions_here(self._backend), node.versions, node.host)
            self._node_id = node.id

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method; see `EngineTransport.call`."""
        return self._wait_for(self._actor.call.remote(method, args), seconds, on_wait)

    def _wait_for(self, reference: Any, seconds: float, on_wait: OnWait | None) -> Any:
        try:
            return _answer(reference, seconds, on_wait)
        except GetTimeoutError as exc:
            raise NoAnswer from exc
        except RayTaskError as exc:
            if isinstance(exc.cause, EvalboardError | ProcessEnded | Unforeseen):
                raise exc.cause from exc
            raise unforeseen(exc.cause) from exc
        except (RayActorError, RayOutOfMemoryError) as exc:
            raise ProcessEnded(self._kind_of_death(exc), _gist(exc)) from exc

    def end(self) -> None:
        """End the engine's process, then the actor's."""
        if ray.is_initialized():
            ray.wait([self._actor.end.remote()], timeout=END_SECONDS)
            ray.kill(self._actor)

    def _kind_of_death(self, exc: Exception) -> type[EngineDied | NodeLost | OutOfMemory]:
        if isinstance(exc, RayOutOfMemoryError) or "NODE_OUT_OF_MEMORY" in str(exc):
            return OutOfMemory  # Ray's memory monitor ended it before the kernel would have
        if getattr(exc, "preempted", False) or self._is_lost(exc):
            return NodeLost
        return EngineDied

    def _is_lost(self, exc: Exception) -> bool:
        """Return whether the engine's machine is gone, after giving the cluster time to notice."""
        unreachable = isinstance(exc, ActorUnavailableError)
        deadline = time.monotonic() + (UNREACHABLE_SECONDS if unreachable else LOSS_NOTICE_SECONDS)
        while self._node_id:
            alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
            if self._node_id not in alive:
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS / 10)
        return False


def _answer(reference: Any, seconds: float, on_wait: OnWait | None) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        ready, _ = ray.wait([reference], timeout=max(0.0, min(POLL_SECONDS, left)))
        if ready or left <= 0:
            return ray.get(reference, timeout=0 if not ready else None)
        if on_wait:
            on_wait()


def _gist(exc: Exception) -> str:
    """Return Ray's reason for a death, without its advice."""
    lines = [line.strip() for line in str(exc).strip().splitlines() if line.strip()]
    return next((line for line in lines if "worker died" in line or "has died" in line), lines[0])


def _resources(spec: EngineSpec) -> dict[str, float]:
    if spec.limits.resource == "nothing":
        return {"num_cpus": 0}
    if spec.limits.resource == "gpus":
        number = spec.limits.tensor_parallel
        return {"num_gpus": number, "num_cpus": number * cluster_gpus().cores_per_gpu}
    cores = int(ray.cluster_resources().get("CPU", 1))
    return {"num_cpus": max(1, cores // (spec.settings.engine_slots or 1))}
