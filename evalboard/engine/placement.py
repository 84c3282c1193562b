"""Put engines on machines with Ray, and talk to them.

An engine is a Ray actor that lives as long as this process holds its handle: every task of a run
finds it by its name, one that died is made anew by whoever asks next, and none outlives the run
that started it. Ray gives out GPUs; on a CPU an engine takes its share of the cores, since Ray sets
the number of threads by it.
"""

import threading
from concurrent.futures import Future
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from evalboard.engine.environment import environment
from evalboard.engine.process import LoggedEngineProcess
from evalboard.engine.spec import EngineSpec
from evalboard.errors import ConfigError, EngineDied, EngineError, EvalboardError
from evalboard.settings import Settings

NAMESPACE = "evalboard"
LOG_TAIL_LINES = 30
OBJECT_STORE_BYTES = 100 * 2**20

_connecting = threading.Lock()
_engines: dict[str, Any] = {}
_starting = threading.Lock()


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
    common = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "error"}
    if settings.ray_address:
        ray.init(address=settings.ray_address, **common)
    else:
        ray.init(
            address="local",
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            # Ray makes its workers give way to everything else on the machine (nice 15).
            _system_config={"worker_niceness": 0},
            **common,
        )


def disconnect() -> None:
    """Leave the cluster; a Ray of this process's own ends with all its engines."""
    ray.shutdown()


def address() -> str:
    """Return the address at which other processes find the Ray that `connect` joined or started."""
    return ray.get_runtime_context().gcs_address


def slot_count(settings: Settings) -> int:
    """Return how many engines may run at the same time."""
    if settings.engine_slots:
        return settings.engine_slots
    connect(settings)
    gpus = int(ray.cluster_resources().get("GPU", 0))
    return max(1, gpus // settings.tensor_parallel)


def call(spec: EngineSpec, method: str, *args: Any, timeout_seconds: float) -> Any:
    """Call a method of the engine's process, starting the engine when there is none.

    Raises:
        EngineDied: The process ended without an answer.
        EngineError: No answer in time.
        EvalboardError: What the method raised.
    """
    connect(spec.settings)
    engine = _engine(spec)
    try:
        return ray.get(getattr(engine, method).remote(*args), timeout=timeout_seconds)
    except GetTimeoutError as exc:
        close(spec)
        raise EngineError(
            f"The engine of {spec.model!r} gave no answer to {method!r} within "
            f"{timeout_seconds:.0f} s and was ended.",
            log_tail=_log_tail(spec),
        ) from exc
    except RayTaskError as exc:
        if isinstance(exc.cause, EvalboardError):
            raise exc.cause from exc
        raise EngineError(
            f"The engine of {spec.model!r} failed in {method!r}: {exc.cause!r}",
            log_tail=_log_tail(spec),
        ) from exc
    except RayActorError as exc:
        close(spec)
        raise EngineDied(
            f"The process that held {spec.model!r} ended during {method!r}: "
            f"{str(exc).strip().splitlines()[0]}",
            log_tail=_log_tail(spec),
        ) from exc


def close(spec: EngineSpec) -> None:
    """End the engine's process, if there is one, and free what it held."""
    with _starting:
        engine = _engines.pop(spec.name, None)
    if engine is not None and ray.is_initialized():
        ray.kill(engine)


def _engine(spec: EngineSpec) -> Any:
    with _starting:
        if spec.name not in _engines:
            _engines[spec.name] = _start(spec)
        return _engines[spec.name]


def _start(spec: EngineSpec) -> Any:
    device = _device(spec.settings)
    actor = ray.remote(LoggedEngineProcess).options(
        name=spec.name,
        runtime_env={"env_vars": _environment(spec, device)},
        **_resources(spec.settings, device),
    )
    return actor.remote(spec, device)


def _device(settings: Settings) -> str:
    gpus = int(ray.cluster_resources().get("GPU", 0))
    if 0 < gpus < settings.tensor_parallel:
        raise ConfigError(
            f"One engine is to take {settings.tensor_parallel} GPUs, and Ray knows of {gpus}. "
            "Lower EVALBOARD_TENSOR_PARALLEL, or join a larger cluster with RAY_ADDRESS."
        )
    return "cuda" if gpus else "cpu"


def _resources(settings: Settings, device: str) -> dict[str, float]:
    if device == "cuda":
        return {"num_gpus": settings.tensor_parallel, "num_cpus": 0}
    cores = int(ray.cluster_resources().get("CPU", 1))
    return {"num_cpus": max(1, cores // (settings.engine_slots or 1))}


def _environment(spec: EngineSpec, device: str) -> dict[str, str]:
    return environment(
        device=device,
        cpu_kv_cache_gib=spec.settings.cpu_kv_cache_gib,
        offline=spec.settings.offline,
    )


def _log_tail(spec: EngineSpec) -> str:
    if not spec.log_file.exists():
        return ""
    lines = spec.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
