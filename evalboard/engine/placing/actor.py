"""The engine, alone in its process, with a log of its own."""

import os
import sys

from evalboard.engine.environment import of_device
from evalboard.engine.process import EngineProcess
from evalboard.engine.spec import EngineSpec
from evalboard.settings import set_environment


class LoggedEngineProcess(EngineProcess):
    """An engine whose output goes to its own log file, which outlives it."""

    def __init__(self, spec: EngineSpec) -> None:
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        log = os.open(spec.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(log, 1)
        os.dup2(log, 2)
        super().__init__(spec)
        set_environment(of_device(self._device, cpu_kv_cache_gib=spec.settings.cpu_kv_cache_gib))

    def node(self) -> str:
        """Return the id of the machine that Ray has placed this engine on."""
        import ray

        return ray.get_runtime_context().get_node_id()
