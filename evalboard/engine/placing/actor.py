"""The engine, alone in its process, with its own log."""

import os
import sys
import threading
from typing import TYPE_CHECKING

from evalboard.engine.environment import of_device
from evalboard.engine.hardware import available_device
from evalboard.engine.spec import EngineSpec
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.settings import set_environment

if TYPE_CHECKING:
    from evalboard.engine.process import EngineProcess


class EngineActor:
    """Contains an engine, and writes its process's output to a log file that survives it.

    The engine is created by the first call, because its libraries read the environment at import.
    """

    def __init__(self, spec: EngineSpec) -> None:
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(spec.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        self._spec = spec
        self._device = available_device()
        set_environment(of_device(self._device, cpu_kv_cache_gib=spec.settings.cpu_kv_cache_gib))
        self._making = threading.Lock()
        self._made: EngineProcess | None = None

    def node(self) -> str:
        """Return the id of the machine that Ray has placed this engine on."""
        import ray

        return ray.get_runtime_context().get_node_id()

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """See `EngineProcess.plan`."""
        return self._engine().plan()

    def load(self) -> EngineFacts:
        """See `EngineProcess.load`."""
        return self._engine().load()

    def longest_request(self) -> int | None:
        """See `EngineProcess.longest_request`."""
        return self._engine().longest_request()

    def evaluate(self, benchmark: str, progress_key: str) -> BenchmarkOutcome:
        """See `EngineProcess.evaluate`."""
        return self._engine().evaluate(benchmark, progress_key)

    def _engine(self) -> "EngineProcess":
        with self._making:
            if self._made is None:
                from evalboard.engine.process import EngineProcess  # lm_eval, torch, the backend

                self._made = EngineProcess(self._spec, self._device)
            return self._made
