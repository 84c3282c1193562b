"""The process of an engine: a child of its holder, on the same machine.

It can start before its model is known and import the libraries meanwhile. It ends at the latest
with its holder.
"""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evalboard.engine.environment import common, confined_environment, import_path
from evalboard.engine.hardware import local_gpus, memory_kills
from evalboard.engine.placing.calling import CALLS_AT_ONCE, ProcessEnded, unforeseen
from evalboard.engine.placing.wire import Message, Wire, error_fields, error_in
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineDied, EvalboardError, OutOfMemory
from evalboard.settings import Settings, child_environment, public_environment

CACHES = "XDG_CACHE_HOME"
PROGRAM = "evalboard.engine.placing.child_program"


class View(NamedTuple):
    """What a confined process sees besides the libraries."""

    questions: Path
    """Folder of the questions that are not in the mirror."""
    readable: Sequence[Path]
    """Further files and folders."""
    writable: Sequence[Path] = ()
    """Folders besides its own temporary one."""
    environment: Mapping[str, str] = MappingProxyType({})
    """Further variables, which its libraries read when they need them."""


def shared_kernels() -> Path:
    """Return this user's folder of what the libraries compile and find out without a model.

    It is written before a process is confined, and only read afterwards. XDG_CACHE_HOME moves it.
    """
    caches = public_environment((CACHES,)).get(CACHES)
    return (Path(caches) if caches else Path.home() / ".cache") / "evalboard"


class ChildEngine:
    """A process that becomes the engine of a model.

    Args:
        settings: The settings.
        log_file: Log file of the process.
        is_confined: Whether it has no token and no network, and only a view of the files. Only what
            sees no file of a model may be without.
    """

    def __init__(self, settings: Settings, log_file: Path, *, is_confined: bool = True) -> None:
        self._memory_kills = memory_kills()
        self._scratch = tempfile.TemporaryDirectory(prefix="evalboard-engine-")
        on_gpu = local_gpus().number > 0
        variables = (
            confined_environment(Path(self._scratch.name), shared_kernels(), on_gpu=on_gpu)
            if is_confined
            else child_environment(
                settings,
                PYTHONPATH=import_path(),
                **common(offline=settings.offline, on_gpu=on_gpu),
            )
        )
        ours, theirs = Pipe()
        log_file.parent.mkdir(parents=True, exist_ok=True)
        with log_file.open("ab") as log:
            confined = ["confined"] if is_confined else []
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PROGRAM, str(theirs.fileno()), *confined],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._scratch.name,
                pass_fds=[theirs.fileno()],
                env=variables,
                start_new_session=True,  # Ctrl-C is for the parent, which then ends it
            )
        theirs.close()
        self._wire = Wire(ours)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Message]] = {}
        self._ended: ProcessEnded | None = None
        self._keeper: Any = None
        self._asked = ThreadPoolExecutor(CALLS_AT_ONCE)
        self._listener = threading.Thread(target=self._listen, daemon=True, name="engine")
        self._listener.start()

    def import_libraries(self, made_of: str, backend: str, *, cpu_kv_cache_gib: int) -> None:
        """Make the process import its libraries. Later calls wait for the imports.

        Args:
            made_of: Module that makes the engine; see `evalboard.engine.placing.child_program`.
            backend: Name of the backend whose libraries it needs.
            cpu_kv_cache_gib: Memory for the KV cache of an engine on a CPU.
        """
        self._tell({"do": "import", "made_of": made_of, "of": [backend, cpu_kv_cache_gib]})

    def make(self, made_of: str, spec: EngineSpec, view: View, *, keeper: Any = None) -> None:
        """Make the process the engine of a model, and confine it.

        Args:
            made_of: As for `import_libraries`.
            spec: Specification of the engine.
            view: What it sees from now on.
            keeper: Answers its questions: methods by name, with JSON values. Those in `in_order`
                are short, and are done one after the other.
        """
        self._keeper = keeper
        settings = spec.settings
        self.import_libraries(made_of, spec.backend, cpu_kv_cache_gib=settings.cpu_kv_cache_gib)
        public = spec.model_copy(update={"settings": settings.without_secrets()})
        self._tell(
            {
                "do": "make",
                "made_of": made_of,
                "spec": public.model_dump(mode="json"),
                "questions": str(view.questions),
                "readable": [str(place) for place in view.readable],
                "writable": [self._scratch.name, *map(str, view.writable)],
                "environment": dict(view.environment),
            }
        )

    def call(self, method: str, *arguments: Any) -> Message:
        """Call a method and wait for its answer: `value`, and bytes.

        Raises:
            ProcessEnded: The process ended.
            Unforeseen: The method raised an error from outside the project.
            EvalboardError: The method's own error.
        """
        answer: Future[Message] = Future()
        number = next(self._numbers)
        with self._lock:
            if self._ended:
                raise self._ended
            self._waiting[number] = answer
        self._tell({"do": "call", "number": number, "method": method, "arguments": arguments})
        message = answer.result()
        if error := error_in(message.fields):
            raise error
        return message

    def end(self) -> None:
        """Kill the process, and its own processes."""
        with self._lock:
            if not self._ended:
                self._kill()
        self._listener.join()
        self._asked.shutdown(wait=False, cancel_futures=True)
        with suppress(OSError):  # a worker of the process may still write there
            self._scratch.cleanup()

    def _tell(self, fields: dict[str, Any]) -> None:
        with suppress(OSError):  # where it has ended, the listener says so
            self._wire.send(fields)

    def _listen(self) -> None:
        """Deliver the answers until the process ends."""
        with suppress(EOFError, OSError, ValueError, KeyError):
            while True:
                self._take(self._wire.receive())
        self._kill()  # its workers, and itself if it only closed the pipe
        code = self._process.wait()
        with self._lock:
            self._ended = self._death(code)
        self._wire.close()
        for answer in self._waiting.values():
            answer.set_exception(self._ended)

    def _take(self, message: Message) -> None:
        fields = message.fields
        if fields["say"] == "answer":
            with self._lock:
                answer = self._waiting.pop(fields["number"])
            answer.set_result(message)
        elif fields["method"] in self._keeper.in_order:
            self._serve(fields)
        else:
            self._asked.submit(self._serve, fields)

    def _serve(self, fields: dict[str, Any]) -> None:
        """Answer a question of the process."""
        reply: dict[str, Any] = {"do": "reply", "number": fields["number"]}
        try:
            method = getattr(self._keeper, f"serve_{fields['method']}")
            reply["value"] = method(*fields["arguments"])
        except EvalboardError as exc:
            reply |= error_fields(exc)
        except Exception as exc:  # noqa: BLE001 - handed to the process, which hands it back
            reply |= error_fields(unforeseen(exc))
        self._tell(reply)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _death(self, code: int) -> ProcessEnded:
        if code >= 0:
            return ProcessEnded(EngineDied, f"it ended with exit code {code}.")
        name = signal.Signals(-code).name
        if code == -signal.SIGKILL and memory_kills() > self._memory_kills:
            return ProcessEnded(
                OutOfMemory, f"it was killed by {name}: the machine ran out of memory."
            )
        return ProcessEnded(EngineDied, f"it was killed by {name}.")
