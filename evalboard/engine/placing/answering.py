"""Answers of Ray's tasks and actors, and what it means when there is none."""

import time
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayError, RayTaskError
from ray.exceptions import OutOfMemoryError as RayOutOfMemoryError

from evalboard.engine.placing.calling import (
    POLL_SECONDS,
    NoAnswer,
    OnWait,
    ProcessEnded,
    Unforeseen,
    unforeseen,
)
from evalboard.errors import EngineDied, EvalboardError, NodeLost, OutOfMemory

LOSS_NOTICE_SECONDS = 2.0
"""Time for a cluster to notice a lost machine after it knows about the process."""
UNREACHABLE_SECONDS = 60.0
"""Time while nothing is known about the process either. Ray's own limit is 25 s."""


def answer_of(reference: Any, seconds: float, on_wait: OnWait | None, node_id: str) -> Any:
    """Return the answer of a task, or of an actor's method.

    Args:
        reference: Ray's reference to it.
        seconds: Time limit.
        on_wait: Called every two seconds until the answer arrives.
        node_id: The machine at work, empty if it is unknown.

    Raises:
        NoAnswer: There is none in time.
        ProcessEnded: The process ended.
        Unforeseen: The work raised an error from outside the project.
        EvalboardError: The work's own error.
    """
    try:
        return _wait_for(reference, seconds, on_wait)
    except GetTimeoutError as exc:
        raise NoAnswer from exc
    except RayTaskError as exc:
        if isinstance(exc.cause, EvalboardError | ProcessEnded | Unforeseen):
            raise exc.cause from exc
        raise unforeseen(exc.cause) from exc
    except RayError as exc:
        raise ProcessEnded(_kind_of_death(exc, node_id), _gist(exc)) from exc


def _wait_for(reference: Any, seconds: float, on_wait: OnWait | None) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        ready, _ = ray.wait([reference], timeout=max(0.0, min(POLL_SECONDS, left)))
        if ready or left <= 0:
            return ray.get(reference, timeout=0 if not ready else None)
        if on_wait:
            on_wait()


def _kind_of_death(exc: RayError, node_id: str) -> type[EngineDied | NodeLost | OutOfMemory]:
    if isinstance(exc, RayOutOfMemoryError) or "NODE_OUT_OF_MEMORY" in str(exc):
        return OutOfMemory  # Ray's memory monitor ended it before the kernel would have
    if getattr(exc, "preempted", False) or _is_lost(exc, node_id):
        return NodeLost
    return EngineDied


def _is_lost(exc: RayError, node_id: str) -> bool:
    """Return whether a machine is gone, after giving the cluster time to notice."""
    unreachable = isinstance(exc, ActorUnavailableError)
    deadline = time.monotonic() + (UNREACHABLE_SECONDS if unreachable else LOSS_NOTICE_SECONDS)
    while node_id:
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        if node_id not in alive:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS / 10)
    return False


def _gist(exc: RayError) -> str:
    """Return Ray's reason for a death, without its advice."""
    lines = [line.strip() for line in str(exc).strip().splitlines() if line.strip()]
    return next((line for line in lines if "worker died" in line or "has died" in line), lines[0])
