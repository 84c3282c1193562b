"""An engine without placing: a child of this process, on this machine.

It can start before its model is known and import the libraries meanwhile. It ends at the latest
with this process.
"""

import itertools
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, wait
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

from evalboard.engine.environment import common, import_path
from evalboard.engine.hardware import memory_kills
from evalboard.engine.placing.calling import POLL_SECONDS, NoAnswer, OnWait, ProcessEnded
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineDied, OutOfMemory
from evalboard.settings import Settings, child_environment

PROGRAM = "evalboard.engine.placing.child_program"


class ChildEngine:
    """A process that becomes the engine of a model.

    Args:
        settings: The settings.
        log_file: Log file of the process.
    """

    def __init__(self, settings: Settings, log_file: Path) -> None:
        self._memory_kills = memory_kills()
        self._pipe, theirs = Pipe()
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                env=child_environment(
                    settings, PYTHONPATH=import_path(), **common(offline=settings.offline)
                ),
                start_new_session=True,  # Ctrl-C is for this process, which then ends it
            )
        theirs.close()
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Any]] = {}
        self._ended: ProcessEnded | None = None
        self._listener = threading.Thread(target=self._listen, daemon=True, name="engine")
        self._listener.start()

    def import_libraries(self, backend: str, *, cpu_kv_cache_gib: int) -> None:
        """Make the process import a backend's libraries. Later calls wait for the imports."""
        self._tell("import", backend, cpu_kv_cache_gib)

    def make(self, made_of: type, spec: EngineSpec) -> None:
        """Make the process the engine of a model."""
        self._tell("make", made_of, spec)

    def settle(self, seconds: float, on_wait: OnWait | None) -> None:
        """Return at once: its place is this machine."""

    def call(
        self, method: str, args: tuple[Any, ...], seconds: float, on_wait: OnWait | None
    ) -> Any:
        """Call a method; see `EngineTransport.call`."""
        answer: Future[Any] = Future()
        number = next(self._numbers)
        with self._lock:
            if self._ended:
                raise self._ended
            self._waiting[number] = answer
        self._tell("call", number, method, args)
        deadline = time.monotonic() + seconds
        while not answer.done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise NoAnswer
            wait([answer], timeout=min(POLL_SECONDS, left))
            if on_wait and not answer.done():
                on_wait()
        return answer.result()

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._listener.join()

    def _tell(self, *message: Any) -> None:
        # Where it has ended, the listener says so.
        with self._lock, suppress(BrokenPipeError):
            if not self._ended:
                self._pipe.send(message)

    def _listen(self) -> None:
        """Deliver the answers until the process ends."""
        with suppress(EOFError, OSError):  # OSError: it ended in the middle of an answer
            while True:
                number, is_value, said = pickle.loads(self._pipe.recv_bytes())
                with self._lock:
                    answer = self._waiting.pop(number)
                if is_value:
                    answer.set_result(said)
                else:
                    answer.set_exception(said)
        code = self._process.wait()
        with self._lock:
            self._ended = self._death(code)
            self._pipe.close()
        for answer in self._waiting.values():
            answer.set_exception(self._ended)

    def _death(self, code: int) -> ProcessEnded:
        if code >= 0:
            return ProcessEnded(EngineDied, f"it ended with exit code {code}.")
        name = signal.Signals(-code).name
        if code == -signal.SIGKILL and memory_kills() > self._memory_kills:
            return ProcessEnded(
                OutOfMemory, f"it was killed by {name}: the machine ran out of memory."
            )
        return ProcessEnded(EngineDied, f"it was killed by {name}.")
