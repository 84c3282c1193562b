"""The machine of the Ray cluster on which an engine takes its GPUs, once its files are there.

A download or a merge can take longer than the answers, and would hold GPUs meanwhile. A task of Ray
that takes none does both first, on the machine where the engine will be, and examines that machine. The
engine's GPUs are then reserved as a placement group. If they are free on another machine first, they
are given back, and that machine gets the files as well.
"""

import hashlib
import logging
import time
from math import ceil
from typing import NamedTuple

import ray
from ray.util.placement_group import (
    PlacementGroup,
    placement_group,
    placement_group_table,
    remove_placement_group,
)

from evalboard.engine.examining import examine
from evalboard.engine.placing.answering import answer_of
from evalboard.engine.placing.calling import (
    POLL_SECONDS,
    NoAnswer,
    OnWait,
    ProcessEnded,
    Unforeseen,
)
from evalboard.engine.placing.cluster import cluster_gpus, on_node
from evalboard.engine.placing.preparing import get_ready
from evalboard.engine.placing.skew import versions_here
from evalboard.engine.spec import EngineSpec
from evalboard.errors import NodeUnfit
from evalboard.settings import Settings

LOOK_SECONDS = 1.0
"""Time for Ray to find free GPUs, before it is asked for others or a machine gets the files."""
NODE_LABEL = "ray.io/node-id"
"""Ray's own label of every machine."""
EXAMINATION_SECONDS = 600
"""Time limit for the examination of a machine, with torch."""

logger = logging.getLogger(__name__)


class Place(NamedTuple):
    """GPUs and cores on one machine, reserved for one engine."""

    group: PlacementGroup
    resources: dict[str, float]
    """In the words of Ray."""
    node_id: str

    def free(self) -> None:
        """Give everything back."""
        remove_placement_group(self.group)


class PlaceSearch:
    """Looks for a place for an engine with GPUs.

    Args:
        spec: Specification of the engine.
        look: Called every two seconds. What it raises ends the search.
    """

    def __init__(self, spec: EngineSpec, look: OnWait) -> None:
        self._spec = spec
        self._look = look
        self._needs = _needed_resources(spec)
        self._ready: list[str] = []
        """Machines that are fit and have the files."""
        self._unfit: dict[str, str] = {}
        """Reasons by machine."""

    def find(self, seconds: float) -> Place:
        """Return a place on a machine that is fit and has the model's files.

        Args:
            seconds: Time limit.

        Raises:
            NoAnswer: There is none in time.
            NodeUnfit: All machines that have enough GPUs are unfit.
            ProcessEnded: A machine was lost while it got the files.
            Unforeseen: The files raised an error from outside the project.
            EvalboardError: The files cannot be found, or do not fit together.
        """
        deadline = time.monotonic() + seconds
        while True:
            likely = None if self._ready else self._likely()
            place = self._reserve_one(likely, deadline)
            if place and place.node_id in self._ready:
                return place
            node_id = place.node_id if place else likely
            if place:
                place.free()
            if node_id is None or time.monotonic() > deadline:
                raise NoAnswer
            self._prepare(node_id, deadline)

    def prepare_likely(self) -> None:
        """Prepare the machine that a later search tries first.

        Raises:
            ProcessEnded, Unforeseen, EvalboardError: As in `find`.
        """
        if node_id := self._likely():
            self._prepare(node_id, float("inf"))

    def _prepare(self, node_id: str, deadline: float) -> None:
        """Examine a machine, and find the files there if it is fit."""
        task = on_node(node_id, get_ready).remote(self._spec, versions_here(self._spec.backend))
        try:
            why = answer_of(task, deadline - time.monotonic(), self._look, node_id)
        except BaseException:
            ray.cancel(task, force=True)  # without effect on one that has ended
            raise
        if why:
            logger.warning("%s", why)
            self._unfit[node_id] = why
        else:
            self._ready.append(node_id)

    def _likely(self) -> str | None:
        """Return the same fit machine in every search for a model, None if the cluster has none.

        Raises:
            NodeUnfit: It has unfit ones only.
        """
        fit = [node_id for node_id in self._large_enough() if node_id not in self._unfit]
        if not fit and self._unfit:
            raise NodeUnfit(
                f"No machine of the Ray cluster can run {self._spec.model!r}. "
                + " ".join(dict.fromkeys(self._unfit.values()))
            )
        return min(fit, key=self._rank, default=None)

    def _rank(self, node_id: str) -> str:
        return hashlib.sha256(f"{self._spec.revision} {node_id}".encode()).hexdigest()

    def _large_enough(self) -> list[str]:
        return [
            node["NodeID"]
            for node in ray.nodes()
            if node["Alive"]
            and all(node["Resources"].get(name, 0) >= much for name, much in self._needs.items())
        ]

    def _reserve_one(self, likely: str | None, deadline: float) -> Place | None:
        """Reserve a place, on a ready or a likely machine if it is free there.

        Without a ready machine this is a look at which one is free, and takes seconds at most.
        """
        look = min(deadline, time.monotonic() + LOOK_SECONDS)
        first = [likely] if likely else self._ready
        if first and (place := self._reserve(f"in({','.join(first)})", look)):
            return place
        anywhere = f"!in({','.join(self._unfit)})" if self._unfit else ""
        return self._reserve(anywhere, time.monotonic() + LOOK_SECONDS if likely else deadline)

    def _reserve(self, nodes: str, deadline: float) -> Place | None:
        """Reserve the resources on one of certain machines. Return None if none is free in time.

        Args:
            nodes: Ray's selector of their names, empty for all.
            deadline: Time limit, of the monotonic clock.
        """
        selector = {NODE_LABEL: nodes} if nodes else {}
        group = placement_group(
            [self._needs], strategy="STRICT_PACK", bundle_label_selector=[selector]
        )
        try:
            if not self._is_there(group, deadline):
                remove_placement_group(group)
                return None
        except BaseException:
            remove_placement_group(group)
            raise
        (node_id,) = placement_group_table(group)["bundles_to_node_id"].values()
        return Place(group, self._needs, node_id)

    def _is_there(self, group: PlacementGroup, deadline: float) -> bool:
        while (left := deadline - time.monotonic()) > 0:
            if group.wait(ceil(min(POLL_SECONDS, left))):
                return True
            self._look()
        return False


def _needed_resources(spec: EngineSpec) -> dict[str, float]:
    """Return what an engine with GPUs takes of a machine, in the words of Ray."""
    number = spec.limits.tensor_parallel
    needs = {"GPU": number, "CPU": number * cluster_gpus().cores_per_gpu}
    return {name: float(much) for name, much in needs.items() if much}


def examine_node(node_id: str, settings: Settings, look: OnWait | None) -> str:
    """Examine a machine of the cluster after an engine failed there in the machine's own way.

    Args:
        node_id: The machine.
        settings: The settings.
        look: Called every two seconds.

    Returns:
        Why it is unfit, empty if it is fit or does not answer.
    """
    task = on_node(node_id, examine).remote(settings)
    try:
        return answer_of(task, EXAMINATION_SECONDS, look, node_id)
    except (NoAnswer, ProcessEnded, Unforeseen) as exc:
        logger.warning("Examining machine %s of the cluster failed: %r", node_id, exc)
        return ""
