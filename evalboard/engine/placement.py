"""Put engines on machines with Ray, and talk to them.

An engine is a Ray actor that lives as long as this process holds its handle: every task of a run
finds it by its name, one that died is made anew by whoever asks next, and none outlives the run
that started it. Ray gives out GPUs; an engine also takes its share of the cores, since Ray sets the
number of threads by it.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayTaskError
from ray.exceptions import OutOfMemoryError as RayOutOfMemoryError

from evalboard.engine.actor import LoggedEngineProcess
from evalboard.engine.environment import common
from evalboard.engine.failures import is_out_of_memory
from evalboard.engine.gpus import cluster_gpus
from evalboard.engine.spec import EngineSpec
from evalboard.errors import (
    EngineDied,
    EngineError,
    EvalboardError,
    NodeLost,
    OutOfMemory,
    TimedOut,
)
from evalboard.settings import Settings

NAMESPACE = "evalboard"
LOG_TAIL_LINES = 30
CALLS_AT_ONCE = 4
"""Two benchmarks, and room for what is asked beside them."""
POLL_SECONDS = 2.0
LOSS_NOTICE_SECONDS = 2.0
"""How long a cluster may take to notice that a machine is gone, after it knows of the process."""
UNREACHABLE_SECONDS = 60.0
"""How long it may take while nothing is known of the process either; Ray's own limit is 25 s."""
OBJECT_STORE_BYTES = 100 * 2**20

_connecting = threading.Lock()
_engines: dict[str, "_Engine"] = {}
_starting = threading.Lock()


class _Engine:
    """An actor, and the machine that it was placed on."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle
        self.node_id = ""


def connect(settings: Settings) -> None:
    """Join the Ray cluster of the settings, or start a Ray of this process's own. Repeatable."""
    with _connecting:
        if not ray.is_initialized():
            _connect_from_lasting_thread(settings)


def _connect_from_lasting_thread(settings: Settings) -> None:
    """Connect from a thread that does not end before this process does.

    Ray asks Linux to kill its servers when their parent dies (PR_SET_PDEATHSIG), and to Linux the
    parent is the thread that started them. A thread of a task, which ends with its task, would take
    Ray with it.
    """
    connected: Future[None] = Future()

    def connect_and_stay() -> None:
        try:
            _connect(settings)
        except Exception as exc:  # noqa: BLE001 - handed to the thread that waits
            connected.set_exception(exc)
        else:
            connected.set_result(None)
            threading.Event().wait()

    threading.Thread(target=connect_and_stay, name="ray", daemon=True).start()
    connected.result()


def _connect(settings: Settings) -> None:
    always = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "error"}
    if settings.ray_address:
        ray.init(address=settings.ray_address, **always)
    else:
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            # Ray makes its workers give way to everything else on the machine (nice 15).
            _system_config={"worker_niceness": 0},
            **always,
        )


def disconnect() -> None:
    """Leave the cluster; a Ray of this process's own ends with all its engines."""
    ray.shutdown()


def address() -> str:
    """Return the address at which other processes find the Ray that `connect` joined or started."""
    return ray.get_runtime_context().gcs_address


def slot_count(settings: Settings, *, tensor_parallel: int = 1) -> int:
    """Return how many engines may run at the same time.

    Args:
        settings: May name the number.
        tensor_parallel: GPUs that one of them takes, where the settings do not say.
    """
    if settings.engine_slots:
        return settings.engine_slots
    connect(settings)
    return max(1, cluster_gpus().total // (settings.tensor_parallel or tensor_parallel))


def call(
    spec: EngineSpec,
    method: str,
    *args: Any,
    timeout_seconds: float,
    on_wait: Callable[[], None] | None = None,
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
    connect(spec.settings)
    engine = _engine(spec)
    place_seconds = spec.settings.engine_place_timeout_seconds
    doing, limit = "finding a place", place_seconds
    try:
        if not engine.node_id:
            engine.node_id = _answer(engine.handle.node.remote(), place_seconds, on_wait)
        doing, limit = method, timeout_seconds
        return _answer(getattr(engine.handle, method).remote(*args), timeout_seconds, on_wait)
    except GetTimeoutError as exc:
        close(spec)
        raise TimedOut(
            f"The engine of {spec.model!r} did not end {doing!r} within {limit:.0f} s and was "
            "stopped. Allow it more time in EVALBOARD_ENGINE_PLACE_TIMEOUT_SECONDS, "
            "EVALBOARD_ENGINE_START_TIMEOUT_SECONDS or EVALBOARD_BENCHMARK_TIMEOUT_SECONDS.",
            **_circumstances(spec),
        ) from exc
    except RayTaskError as exc:
        raise _raised_error(spec, doing, exc) from exc
    except (RayActorError, RayOutOfMemoryError) as exc:
        close(spec)
        raise _death(spec, doing, engine, exc) from exc


def close(spec: EngineSpec) -> None:
    """End the engine's process, if there is one, and free what it held."""
    with _starting:
        engine = _engines.pop(spec.name, None)
    if engine is not None and ray.is_initialized():
        ray.kill(engine.handle)


def _answer(reference: Any, seconds: float, on_wait: Callable[[], None] | None) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        left = deadline - time.monotonic()
        ready, _ = ray.wait([reference], timeout=max(0.0, min(POLL_SECONDS, left)))
        if ready or left <= 0:
            return ray.get(reference, timeout=0 if not ready else None)
        if on_wait:
            on_wait()


def _raised_error(spec: EngineSpec, doing: str, exc: RayTaskError) -> EvalboardError:
    """Return the project's error for what a method of the engine raised."""
    cause = exc.cause
    if isinstance(cause, EvalboardError):
        if isinstance(cause, OutOfMemory):
            close(spec)
        return cause
    kind = EngineError
    if is_out_of_memory(cause):
        kind = OutOfMemory
    elif type(cause).__name__ == "EngineDeadError":  # vLLM's, of whose engine nothing is left
        kind = EngineDied
    if kind is not EngineError:
        close(spec)
    return kind(
        f"The engine of {spec.model!r} failed in {doing!r}: {type(cause).__name__}: {cause}",
        **_circumstances(spec),
    )


def _death(spec: EngineSpec, doing: str, engine: _Engine, exc: Exception) -> EngineError:
    """Return why an engine's process is gone."""
    kind = EngineDied
    if isinstance(exc, RayOutOfMemoryError) or "NODE_OUT_OF_MEMORY" in str(exc):
        kind = OutOfMemory  # Ray's memory monitor ended it before the kernel would have
    elif getattr(exc, "preempted", False) or _is_lost(engine, exc):
        kind = NodeLost
    return kind(
        f"The process that held {spec.model!r} ended during {doing!r}: {_gist(exc)}",
        **_circumstances(spec),
    )


def _is_lost(engine: _Engine, exc: Exception) -> bool:
    """Return whether the engine's machine is gone, giving the cluster the time to notice."""
    unreachable = isinstance(exc, ActorUnavailableError)
    deadline = time.monotonic() + (UNREACHABLE_SECONDS if unreachable else LOSS_NOTICE_SECONDS)
    while engine.node_id:
        alive = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        if engine.node_id not in alive:
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS / 10)
    return False


def _gist(exc: Exception) -> str:
    """Return what Ray says of a death, without its advice."""
    lines = [line.strip() for line in str(exc).strip().splitlines() if line.strip()]
    return next((line for line in lines if "worker died" in line or "has died" in line), lines[0])


def _engine(spec: EngineSpec) -> _Engine:
    with _starting:
        if spec.name not in _engines:
            _engines[spec.name] = _Engine(_start(spec))
        return _engines[spec.name]


def _start(spec: EngineSpec) -> Any:
    actor = ray.remote(LoggedEngineProcess).options(
        name=spec.name,
        max_concurrency=CALLS_AT_ONCE,
        runtime_env={"env_vars": common(offline=spec.settings.offline)},
        **_resources(spec),
    )
    return actor.remote(spec)


def _resources(spec: EngineSpec) -> dict[str, float]:
    if spec.limits.resource == "nothing":
        return {"num_cpus": 0}
    if spec.limits.resource == "gpus":
        number = spec.limits.tensor_parallel
        return {"num_gpus": number, "num_cpus": number * cluster_gpus().cores_per_gpu}
    cores = int(ray.cluster_resources().get("CPU", 1))
    return {"num_cpus": max(1, cores // (spec.settings.engine_slots or 1))}


def _circumstances(spec: EngineSpec) -> dict[str, Any]:
    """Return what an `EngineError` says besides its message."""
    return {"settings": spec.limits.model_dump(), "log_tail": _log_tail(spec)}


def _log_tail(spec: EngineSpec) -> str:
    if not spec.log_file.exists():
        return ""
    lines = spec.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
