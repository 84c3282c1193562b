"""Start engines, find them by name, and talk to them.

Where there is something to choose, Ray does: an engine is an actor then, which lives as long as this
process holds its handle, and takes GPUs and its share of the cores, since Ray sets the number of
threads by it. The engine of a run that is the only one, where a machine leaves nothing to choose, is a
child of this process. This module alone decides which of the two it is. Either way, every task of a run finds it by its name, one that died is made anew by whoever asks next, and none
outlives the run that started it.
"""

import threading
from pathlib import Path
from typing import Any

from evalboard.engine.hardware import local_gpus
from evalboard.engine.placing import cluster
from evalboard.engine.placing.actor import LoggedEngineProcess
from evalboard.engine.placing.calling import Ended, EngineHandle, NoAnswer, OnWait, Unforeseen
from evalboard.engine.placing.child_engine import ChildEngine
from evalboard.engine.placing.cluster import ClusterGpus, cluster_gpus, connect
from evalboard.engine.placing.ray_engine import RayEngine
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineError, OutOfMemory, TimedOut
from evalboard.settings import Settings

LOG_TAIL_LINES = 30

_engines: dict[str, EngineHandle] = {}
_ahead: list[ChildEngine] = []
_starting = threading.Lock()


def gpus(spec: EngineSpec) -> ClusterGpus:
    """Return the GPUs among which there is a place for an engine."""
    if _is_child(spec):
        number = local_gpus().number
        return ClusterGpus(total=number, on_one_machine=number, cores_per_gpu=0, node_ids=())
    connect(spec.settings)
    return cluster_gpus()


def slot_count(spec: EngineSpec) -> int:
    """Return how many engines that take what this one takes may run at the same time."""
    if _is_child(spec):
        return 1
    return cluster.slot_count(spec.settings, tensor_parallel=spec.limits.tensor_parallel)


def start_ahead(settings: Settings, log_file: Path) -> None:
    """Start what the engine of an only run will need: its process, or the Ray that places it.

    Args:
        settings: Where things are, and which backend's libraries are imported meanwhile.
        log_file: What the process writes to.
    """
    if _leaves_a_choice(settings):
        threading.Thread(target=connect, args=(settings,), daemon=True).start()
        return
    child = ChildEngine(settings, log_file)
    child.import_libraries(settings.backend, cpu_kv_cache_gib=settings.cpu_kv_cache_gib)
    with _starting:
        _ahead.append(child)


def end_ahead() -> None:
    """End what was started ahead and became no engine."""
    with _starting:
        while _ahead:
            _ahead.pop().end()


def call(
    spec: EngineSpec,
    method: str,
    *args: Any,
    timeout_seconds: float,
    on_wait: OnWait | None = None,
) -> Any:
    """Call a method of the engine's process, starting the engine when there is none.

    Args:
        spec: Of the engine.
        method: One of `LoggedEngineProcess`.
        *args: Its arguments.
        timeout_seconds: Longest time for the answer, once the process has its place.
        on_wait: Is called every two seconds until the answer is there.

    Raises:
        TimedOut: No place or no answer in time. The process was ended.
        NodeLost: The machine left the cluster.
        OutOfMemory: Memory ran out. The process was ended.
        EngineDied: The process ended without an answer.
        EngineError: The method raised something unforeseen.
        EvalboardError: What the method raised.
    """
    if not _is_child(spec):
        connect(spec.settings)
    engine = _engine(spec)
    place_seconds = spec.settings.engine_place_timeout_seconds
    doing, limit = "finding a place", place_seconds
    try:
        engine.settle(place_seconds, on_wait)
        doing, limit = method, timeout_seconds
        return engine.call(method, args, timeout_seconds, on_wait)
    except NoAnswer as exc:
        close(spec)
        raise TimedOut(
            f"The engine of {spec.model!r} did not end {doing!r} within {limit:.0f} s and was "
            "stopped. Allow it more time in EVALBOARD_ENGINE_PLACE_TIMEOUT_SECONDS, "
            "EVALBOARD_ENGINE_START_TIMEOUT_SECONDS or EVALBOARD_BENCHMARK_TIMEOUT_SECONDS.",
            **_circumstances(spec),
        ) from exc
    except Ended as exc:
        close(spec)
        raise exc.kind(
            f"The process that held {spec.model!r} ended during {doing!r}: {exc.why}",
            **_circumstances(spec),
        ) from exc
    except Unforeseen as exc:
        if exc.kind is not EngineError:
            close(spec)
        raise exc.kind(
            f"The engine of {spec.model!r} failed in {doing!r}: {exc.what}", **_circumstances(spec)
        ) from exc
    except OutOfMemory:
        close(spec)
        raise


def close(spec: EngineSpec) -> None:
    """End the engine's process, if there is one, and free what it held."""
    with _starting:
        engine = _engines.pop(spec.name, None)
    if engine is not None:
        engine.end()


def _is_child(spec: EngineSpec) -> bool:
    """Return whether an engine has one place only, and needs no Ray to find it."""
    return spec.is_only_run and not _leaves_a_choice(spec.settings)


def _leaves_a_choice(settings: Settings) -> bool:
    """Return whether there is more than one place for the engine of an only run."""
    numbers = (settings.engine_slots or 1, settings.tensor_parallel or 1, local_gpus().number)
    return bool(settings.ray_address) or max(numbers) > 1


def _engine(spec: EngineSpec) -> EngineHandle:
    with _starting:
        if spec.name not in _engines:
            started = _child(spec) if _is_child(spec) else RayEngine(LoggedEngineProcess, spec)
            _engines[spec.name] = started
        return _engines[spec.name]


def _child(spec: EngineSpec) -> ChildEngine:
    child = _ahead.pop() if _ahead else ChildEngine(spec.settings, spec.log_file)
    child.make(LoggedEngineProcess, spec)
    return child


def _circumstances(spec: EngineSpec) -> dict[str, Any]:
    """Return what an `EngineError` says besides its message."""
    return {"settings": spec.limits.model_dump(), "log_tail": _log_tail(spec)}


def _log_tail(spec: EngineSpec) -> str:
    if not spec.log_file.exists():
        return ""
    lines = spec.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
