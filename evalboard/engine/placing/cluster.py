"""The Ray cluster: connecting to it or starting it, and the GPUs of its machines."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from evalboard.engine.hardware import ClusterGpus, local_gpus
from evalboard.errors import ConfigError, NodeLost
from evalboard.process_environment import set_environment
from evalboard.settings import Settings

# Ray reads these when it is imported, and when it starts its programs.
set_environment(
    {
        # It takes SIGTERM for a fault, and prints a stack trace where a run is only ended.
        "RAY_DISABLE_FAILURE_SIGNAL_HANDLER": "true",
        # It makes its workers give way to everything else on the machine (nice 15).
        "RAY_worker_niceness": "0",
        # It reports to its makers how it is used.
        "RAY_USAGE_STATS_ENABLED": "0",
    }
)

import ray  # noqa: E402
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: E402

NAMESPACE = "evalboard"
OBJECT_STORE_BYTES = 100 * 2**20
ANSWER_SECONDS = 60
OTHER_VERSION = "Version mismatch"
"""In the error of ray/_private/utils.py; it has no class of its own."""

SEES_ALL_GPUS = {"RAY_EXPERIMENTAL_NOSET_CUDA_VISIBLE_DEVICES": "1"}
"""Ray leaves CUDA_VISIBLE_DEVICES alone in a process with this variable. Without it, a machine's
RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO=1 empties it for tasks that take no GPU."""

SERVERS = ("gcs_server", "raylet")
"""Ray's programs without which no engine can be placed."""

_connecting = threading.Lock()
_own_servers: dict[str, psutil.Process] = {}


def connect(settings: Settings) -> None:
    """Connect to the Ray cluster of the settings, or start a Ray for this process. Repeatable.

    Raises:
        ConfigError: The cluster runs other versions.
        NodeLost: The cluster does not answer.
    """
    with _connecting:
        if not ray.is_initialized():
            _connect_from_lasting_thread(settings)


def _connect_from_lasting_thread(settings: Settings) -> None:
    """Connect from a thread that lives as long as this process.

    Ray asks Linux to kill its servers when their parent dies (PR_SET_PDEATHSIG), and to Linux the
    parent is the thread that started them. A task's thread ends with the task and would end Ray
    with it.
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
        with refusals(settings.ray_address):
            ray.init(address=settings.ray_address, **always)
    else:
        ray.init(
            address="local",
            include_dashboard=settings.ray_dashboard_port is not None,
            dashboard_port=settings.ray_dashboard_port,
            object_store_memory=OBJECT_STORE_BYTES,
            **always,
        )
        started = psutil.Process().children()
        _own_servers.update({each.name(): each for each in started if each.name() in SERVERS})


@contextmanager
def refusals(address: str) -> Iterator[None]:
    """Translate the refusal of a cluster.

    Raises:
        ConfigError: The cluster has another version of Ray or Python.
        NodeLost: It does not answer, or wants its token. A head that starts again is soon there.
    """
    try:
        yield
    except ConnectionError as exc:
        raise NodeLost(
            f"The Ray cluster at {address!r} does not answer, or refuses this program. Start it, or "
            "correct RAY_ADDRESS. If it wants a token, set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN."
        ) from exc
    except RuntimeError as exc:
        if OTHER_VERSION not in str(exc):
            raise
        raise ConfigError(
            f"The Ray cluster at {address!r} runs other versions: {' '.join(str(exc).split())} "
            "Install the same versions of Ray and Python everywhere, or correct RAY_ADDRESS."
        ) from exc


def check() -> None:
    """Raise ConfigError if a Ray that this process started has lost one of its programs.

    Ray starts none of them again, and its drivers wait.
    """
    for name, server in _own_servers.items():
        if _has_ended(server):
            logs = Path(tempfile.gettempdir(), "ray", "session_latest", "logs")
            raise ConfigError(f"Ray's {name} ended. Its logs are in {str(logs)!r}.")


def check_membership() -> None:
    """Raise NodeLost if this machine is no longer in the cluster, or the cluster does not answer.

    A head that starts again does not know the machines of the one before, and Ray's drivers wait for
    it without an end. The next program on this machine joins the new cluster.
    """
    answer: Future[bool] = Future()

    def ask() -> None:
        try:
            own = ray.get_runtime_context().get_node_id()
            answer.set_result(any(one["NodeID"] == own and one["Alive"] for one in ray.nodes()))
        except Exception as exc:  # noqa: BLE001 - whatever it is, this cluster is of no use
            answer.set_exception(exc)

    threading.Thread(target=ask, name="membership", daemon=True).start()
    try:
        is_member = answer.result(ANSWER_SECONDS)
    except Exception as exc:
        raise NodeLost(f"The Ray cluster is lost: {str(exc) or 'it does not answer'}.") from exc
    if not is_member:
        raise NodeLost("The Ray cluster has lost this machine.")


def _has_ended(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def disconnect() -> None:
    """Leave the cluster. A Ray that this process started ends with all its engines."""
    _own_servers.clear()
    ray.shutdown()


def address() -> str:
    """Return the address of the connected Ray for other processes."""
    return ray.get_runtime_context().gcs_address


def cluster_gpus() -> ClusterGpus:
    """Return the GPUs that Ray knows. All numbers are 0 without GPUs."""
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
    """Return the memory of the smallest GPU of some machines in bytes, 0 if unknown."""
    answers = [on_node(node_id, _smallest_here).remote() for node_id in node_ids]
    return min(ray.get(answers, timeout=ANSWER_SECONDS), default=0)


def on_node(node_id: str, work: Callable[..., Any]) -> Any:
    """Return a task of Ray that takes nothing, and works on a certain machine.

    It has a process of its own, which may use the same GPUs as the `ray start` of its machine.

    Args:
        node_id: The machine.
        work: What to do there.
    """
    task: Any = ray.remote(num_cpus=0, max_calls=1, max_retries=0)(work)
    return task.options(
        scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False),
        runtime_env={"env_vars": SEES_ALL_GPUS},
    )


def slot_count(settings: Settings, *, tensor_parallel: int = 1) -> int:
    """Return the limit of concurrent engines.

    Args:
        settings: The settings, which can set the limit.
        tensor_parallel: GPUs per engine if the settings do not set it.
    """
    if settings.engine_slots:
        return settings.engine_slots
    connect(settings)
    return max(1, cluster_gpus().total // (settings.tensor_parallel or tensor_parallel))


def _smallest_here() -> int:
    """Return the memory of this machine's smallest GPU in bytes, 0 for simulated GPUs."""
    return local_gpus().smallest_bytes
