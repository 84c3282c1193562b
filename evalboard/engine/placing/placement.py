"""Start engines and talk to them.

Every engine is a confined process with a holder (`holder`). If there are several places, Ray
chooses: the holder is then an actor, which lives as long as this process has its handle. It takes
GPUs and a share of the cores, from which Ray derives the number of threads. The holder of an only
run is an object of this process if the machine has only one place, and so is that of a process
without a model, which plans before an engine gets its GPUs. Only this module decides between the
two. In both cases the next call replaces a dead engine, and no engine outlives its run. A run is an
only run in a program that says so (`one_run_at_a_time`): `evalboard evaluate`, and `evalboard run`
without a higher limit. Ray takes half a second to import, so it is imported where it places an engine.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.engine.hardware import ClusterGpus, local_gpus
from evalboard.engine.placing.calling import (
    EngineTransport,
    NoAnswer,
    OnWait,
    ProcessEnded,
    Unforeseen,
)
from evalboard.engine.placing.child_engine import ChildEngine, shared_kernels
from evalboard.engine.placing.forking import fork_server, is_served
from evalboard.engine.placing.holder import MODEL, EngineHolder
from evalboard.engine.placing.local_engine import LocalEngine
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineError, OutOfMemory, TimedOut
from evalboard.files import read_end
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

LOG_TAIL_LINES = 30
LOG_TAIL_BYTES = 50_000
MADE_OF = MODEL
"""Module that makes the engines."""

_ahead: list[ChildEngine] = []
"""Processes that were started before their engine's model was known."""
_taking = threading.Lock()
_has_only_runs = False


@contextmanager
def one_run_at_a_time() -> Iterator[None]:
    """Let each run of this program be the only one that looks for a place."""
    global _has_only_runs
    before, _has_only_runs = _has_only_runs, True
    try:
        yield
    finally:
        _has_only_runs = before


def has_only_runs() -> bool:
    """Return whether this program has one run at a time."""
    return _has_only_runs


def uses_ray(settings: Settings) -> bool:
    """Return whether Ray places the engines of this program."""
    return not _has_only_runs or _leaves_a_choice(settings)


def running_limit(settings: Settings) -> int:
    """Return the limit of evaluations at the same time. A cluster is asked for its GPUs."""
    if settings.max_running:
        return settings.max_running
    if settings.ray_address:
        from evalboard.engine.placing import cluster

        return cluster.slot_count(settings)
    on_gpus = local_gpus().number // (settings.tensor_parallel or 1)
    return settings.engine_slots or max(1, on_gpus)


def connect(settings: Settings) -> None:
    """Import Ray and connect to it; see `cluster.connect`."""
    from evalboard.engine.placing import cluster

    cluster.connect(settings)


def gpus(spec: EngineSpec) -> ClusterGpus:
    """Return the GPUs that are available for an engine."""
    if _is_child(spec):
        number = local_gpus().number
        return ClusterGpus(total=number, on_one_machine=number, cores_per_gpu=0, node_ids=())
    from evalboard.engine.placing import cluster

    connect(spec.settings)
    return cluster.cluster_gpus()


def slot_count(spec: EngineSpec) -> int:
    """Return the limit of concurrent engines with these resources."""
    if _is_child(spec):
        return 1
    from evalboard.engine.placing import cluster

    return cluster.slot_count(spec.settings, tensor_parallel=spec.limits.tensor_parallel)


@contextmanager
def forked_engines(settings: Settings) -> Iterator[None]:
    """Let the engines of this program, and of those that it starts in this context, import nothing.

    They become forks of one process, which imports the libraries for the first of them, or before
    (`import_ahead`). It belongs to the outermost of these programs. Enter this before Ray is started.

    Args:
        settings: The settings, with the backend whose libraries are imported. They can say that every
            engine imports for itself.
    """
    if is_served() or not settings.fork_engines:
        yield
        return
    with fork_server(
        WorkFolder(settings.work_folder.resolve()).log_file("fork-server"),
        shared_kernels(),
        MADE_OF,
        settings.backend,
        cpu_kv_cache_gib=settings.cpu_kv_cache_gib,
    ):
        yield


def start_ahead(settings: Settings, log_file: Path) -> None:
    """Start the process of an only run's engine, or the Ray that places it.

    Args:
        settings: The settings, with the backend whose libraries are imported meanwhile.
        log_file: Log file of the process.
    """
    if _leaves_a_choice(settings):
        threading.Thread(target=connect, args=(settings,), daemon=True).start()
        return
    child = ChildEngine(settings, log_file)
    child.import_libraries(MADE_OF, settings.backend, cpu_kv_cache_gib=settings.cpu_kv_cache_gib)
    with _taking:
        _ahead.append(child)


def end_ahead() -> None:
    """End processes that were started in advance and became no engine."""
    with _taking:
        while _ahead:
            _ahead.pop().end()


class EngineHandle:
    """An engine from the view of its run. The next call starts a missing process.

    Every call raises the method's errors, and calls `on_wait` every two seconds until the answer
    arrives.

    Args:
        spec: Of the engine.
    """

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self._starting = threading.Lock()
        self._transport: EngineTransport | None = None

    def plan(self, on_wait: OnWait | None = None) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """See `EngineProcess.plan`.

        Where the engine will wait for GPUs, another process plans, which needs none. It ends with that.
        """
        with self._planning():
            return self.call("plan", timeout_seconds=self._start_seconds, on_wait=on_wait)

    def load(self, on_wait: OnWait | None = None) -> EngineFacts:
        """See `EngineProcess.load`. The time for its files, which may be large, is not a start's."""
        seconds = self.spec.settings.engine_place_timeout_seconds
        self.call("find_files", timeout_seconds=seconds, on_wait=on_wait)
        return self.call("load", timeout_seconds=self._start_seconds, on_wait=on_wait)

    def ask_next(self, spec: EngineSpec) -> None:
        """Let the engine answer another of its suites; see `EngineHolder.call`.

        Args:
            spec: Its specification with this suite.
        """
        self.spec = spec
        if self._transport is not None:
            self.call("ask_next", spec, timeout_seconds=self._start_seconds)

    def longest_request(self) -> int | None:
        """See `EngineProcess.longest_request`."""
        return self.call("longest_request", timeout_seconds=self._start_seconds)

    def evaluate(
        self, benchmark: str, progress_key: str, on_wait: OnWait | None = None
    ) -> BenchmarkOutcome:
        """See `EngineProcess.evaluate`."""
        seconds = self.spec.settings.benchmark_timeout_seconds
        return self.call(
            "evaluate", benchmark, progress_key, timeout_seconds=seconds, on_wait=on_wait
        )

    def close(self) -> None:
        """End the engine's process, if there is one, and free its resources."""
        with self._starting:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.end()

    def call(
        self, method: str, *args: Any, timeout_seconds: float, on_wait: OnWait | None = None
    ) -> Any:
        """Call a method of the engine's process.

        Args:
            method: One of `EngineProcess`.
            *args: Its arguments.
            timeout_seconds: Time limit for the answer, from when the process has its resources.
            on_wait: Called every two seconds until the answer arrives.

        Raises:
            TimedOut: No GPUs or no answer in time. The process was ended.
            NodeLost: The machine left the cluster.
            OutOfMemory: Memory ran out. The process was ended.
            EngineDied: The process ended without an answer.
            EngineError: The method raised an unforeseen error.
            EvalboardError: The method's own error.
        """
        transport = self._started()
        doing, limit = "finding a place", self.spec.settings.engine_place_timeout_seconds
        try:
            transport.settle(limit, on_wait)
            doing, limit = method, timeout_seconds
            return transport.call(method, args, timeout_seconds, on_wait)
        except NoAnswer as exc:
            self.close()
            raise TimedOut(
                f"The engine of {self.spec.model!r} did not finish {doing!r} within {limit:.0f} s "
                "and was stopped. Raise EVALBOARD_ENGINE_PLACE_TIMEOUT_SECONDS, "
                "EVALBOARD_ENGINE_START_TIMEOUT_SECONDS or EVALBOARD_BENCHMARK_TIMEOUT_SECONDS.",
                **_circumstances(self.spec),
            ) from exc
        except ProcessEnded as exc:
            self.close()
            raise exc.kind(
                f"The engine process of {self.spec.model!r} died during {doing!r}: {exc.why}",
                **_circumstances(self.spec),
            ) from exc
        except Unforeseen as exc:
            if exc.kind is not EngineError:
                self.close()
            raise exc.kind(
                f"The engine of {self.spec.model!r} failed during {doing!r}: {exc.what}",
                **_circumstances(self.spec),
            ) from exc
        except OutOfMemory:
            self.close()
            raise

    @property
    def _start_seconds(self) -> float:
        return self.spec.settings.engine_start_timeout_seconds

    @contextmanager
    def _planning(self) -> Iterator[None]:
        """Let a process without a model answer in this context if the engine is yet to get its GPUs."""
        with self._starting:
            waits = self.spec.limits.resource == "gpus" and not _is_child(self.spec)
            is_apart = waits and self._transport is None
            if is_apart:
                self._transport = _local(self.spec.without_model())
        try:
            yield
        finally:
            if is_apart:
                self.close()

    def _started(self) -> EngineTransport:
        spec, is_child = self.spec, _is_child(self.spec)
        if not is_child:
            connect(spec.settings)
        with self._starting:
            if self._transport is None:
                self._transport = _local(spec) if is_child else _placed_by_ray(spec)
            return self._transport


def _is_child(spec: EngineSpec) -> bool:
    """Return whether an engine has only one place and does not need Ray, or needs no place."""
    return not spec.loads_model or (spec.is_only_run and not _leaves_a_choice(spec.settings))


def _leaves_a_choice(settings: Settings) -> bool:
    """Return whether there is more than one place for the engine of an only run."""
    numbers = (settings.engine_slots or 1, settings.tensor_parallel or 1, local_gpus().number)
    return bool(settings.ray_address) or max(numbers) > 1


def _placed_by_ray(spec: EngineSpec) -> EngineTransport:
    from evalboard.engine.placing.ray_engine import RayEngine

    return RayEngine(EngineHolder, spec, MADE_OF)


def _local(spec: EngineSpec) -> LocalEngine:
    with _taking:
        ahead = _ahead.pop() if _ahead else None
    return LocalEngine(EngineHolder(spec, MADE_OF, ahead))


def _circumstances(spec: EngineSpec) -> dict[str, Any]:
    """Return the arguments of an `EngineError` besides its message."""
    return {"settings": spec.limits.model_dump(), "log_tail": _log_tail(spec)}


def _log_tail(spec: EngineSpec) -> str:
    lines = read_end(spec.log_file, max_bytes=LOG_TAIL_BYTES).splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
