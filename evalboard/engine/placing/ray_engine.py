"""An engine that Ray places: its holder is an actor, on a machine of the cluster.

An engine with GPUs gets them on a machine that is ready for it (`nodes`).
"""

import threading
import time
from typing import Any

import ray
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from evalboard.engine.placing.answering import answer_of
from evalboard.engine.placing.calling import (
    CALLS_AT_ONCE,
    OnWait,
    ProcessEnded,
    Unforeseen,
    names_the_machine,
)
from evalboard.engine.placing.holder import EngineHolder, Node
from evalboard.engine.placing.nodes import Place, PlaceSearch, examine_node
from evalboard.engine.placing.skew import require_same, versions_here
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineDied, MachineUnfit, NodeUnfit

END_SECONDS = 2.0
"""Time for a holder to put its things away. Killed, it leaves a folder of links."""


class RayEngine:
    """An actor and its machine.

    Args:
        holder: Class of the actor.
        spec: Specification of its engine.
        made_of: Module that makes the engine in its process.
    """

    def __init__(self, holder: type[EngineHolder], spec: EngineSpec, made_of: str) -> None:
        self._holder = holder
        self._spec = spec
        self._made_of = made_of
        self._settling = threading.Lock()
        self._changing = threading.Lock()
        self._has_ended = False
        self._place: Place | None = None
        self._actor: Any = None
        self._node_id = ""

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Wait until Ray has placed the actor, on a machine with the versions of this one.

        Raises:
            MachineUnfit: It has others.
            NodeUnfit: All machines with enough GPUs are unfit.
            EvalboardError: The model's files cannot be found, or do not fit together.
        """
        with self._settling:
            if self._node_id:
                return
            deadline = time.monotonic() + seconds
            actor = self._actor or self._start(seconds, on_wait)
            left = deadline - time.monotonic()
            node_id = self._place.node_id if self._place else ""
            node: Node = answer_of(actor.node.remote(), left, on_wait, node_id)
            require_same(versions_here(self._spec.backend), node.versions, node.host)
            self._node_id = node.id

    def _start(self, seconds: float, on_wait: OnWait | None) -> Any:
        """Return the actor. One with GPUs is on a machine that is ready for it."""

        def look() -> None:
            self._require_going()
            if on_wait:
                on_wait()

        place = None
        if self._spec.limits.resource == "gpus":
            place = PlaceSearch(self._spec, look).find(seconds)
        with self._changing:
            self._place = place
            try:
                self._require_going()
                self._actor = self._new_actor()
            except BaseException:
                self._free()
                raise
            return self._actor

    def _new_actor(self) -> Any:
        actor = ray.remote(self._holder).options(
            name=self._spec.name,
            max_concurrency=CALLS_AT_ONCE,
            **_options(self._spec, self._place),
        )
        return actor.remote(self._spec, self._made_of)

    def _require_going(self) -> None:
        if self._has_ended:
            raise ProcessEnded(EngineDied, "it was stopped.")

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method; see `EngineTransport.call`.

        Raises:
            NodeUnfit: The cause is the engine's machine, as an examination of it confirms.
        """
        reference = self._actor.call.remote(method, args)
        try:
            return answer_of(reference, seconds, on_wait, self._node_id)
        except (MachineUnfit, Unforeseen) as exc:
            self._examine(exc, on_wait)
            raise

    def _examine(self, exc: Exception, on_wait: OnWait | None) -> None:
        if not (self._place and names_the_machine(exc)):
            return
        if why := examine_node(self._node_id, self._spec.settings, on_wait):
            raise NodeUnfit(why) from exc

    def end(self) -> None:
        """End the engine's process, then the actor's."""
        with self._changing:
            self._has_ended = True
            if ray.is_initialized() and self._actor is not None:
                ray.wait([self._actor.end.remote()], timeout=END_SECONDS)
                ray.kill(self._actor)
                self._free()

    def _free(self) -> None:
        if self._place:
            self._place.free()
            self._place = None


def _options(spec: EngineSpec, place: Place | None) -> dict[str, Any]:
    if place:
        return {
            "num_gpus": place.resources["GPU"],
            "num_cpus": place.resources.get("CPU", 0),
            "scheduling_strategy": PlacementGroupSchedulingStrategy(place.group, 0),
        }
    cores = int(ray.cluster_resources().get("CPU", 1))
    return {"num_cpus": max(1, cores // (spec.settings.engine_slots or 1))}
