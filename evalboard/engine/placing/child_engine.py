"""The process of an engine: a child of its holder, on the same machine.

It can start before its model is known and import the libraries meanwhile. It ends at the latest
with its holder.
"""

import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evalboard.engine.environment import common, confined_environment, import_path
from evalboard.engine.hardware import local_gpus, memory_kills
from evalboard.engine.placing.calling import CALLS_AT_ONCE, ProcessEnded, unforeseen
from evalboard.engine.placing.forking import ForkedProcess, KeptProcess, fork_process
from evalboard.engine.placing.wire import Message, Wire, error_fields, error_in
from evalboard.engine.spec import EngineSpec
from evalboard.errors import EngineDied, EvalboardError, OutOfMemory
from evalboard.process_environment import child_environment, public_environment
from evalboard.settings import Settings

CACHES = "XDG_CACHE_HOME"
PROGRAM = "evalboard.engine.placing.child_program"
SCRATCH = "scratch"
"""Name of the temporary folder in the notes about a process that is kept."""
REST_SECONDS = 1.0
"""Time for a process without a call to say that it rests."""


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
    own: Path | None = None
    """Folder of its model's files, which it keeps locked (`views`)."""


def shared_kernels() -> Path:
    """Return this user's folder of what the libraries compile and find out without a model.

    It is written before a process is confined, and only read afterwards. XDG_CACHE_HOME moves it.
    """
    caches = public_environment((CACHES,)).get(CACHES)
    return (Path(caches) if caches else Path.home() / ".cache") / "evalboard"


class _SpawnedProcess:
    """A process that imports its libraries itself.

    Args:
        arguments: Of the program.
        **options: Of `subprocess.Popen`.
    """

    def __init__(self, arguments: Sequence[str], **options: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the parent, which then ends it
            **options,
        )

    @property
    def id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def kill(self) -> None:
        """Kill the process, and its own processes."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end of the process and return its exit code, below zero for a signal."""
        return self._process.wait()


class _Running(NamedTuple):
    """A process, this program's end of its pipe, and its folder of temporary files."""

    process: "_SpawnedProcess | ForkedProcess"
    pipe: Connection
    scratch: str


def _started(
    settings: Settings, log_file: Path, *, is_confined: bool, takes_device: bool
) -> _Running:
    """Start a process."""
    scratch = tempfile.mkdtemp(prefix="evalboard-engine-")
    on_gpu = local_gpus().number > 0
    variables = (
        confined_environment(Path(scratch), shared_kernels(), on_gpu=on_gpu)
        if is_confined
        else child_environment(
            settings,
            PYTHONPATH=import_path(),
            **common(offline=settings.offline, on_gpu=on_gpu),
        )
    )
    ours, theirs = Pipe()
    with theirs, log_file.open("ab") as log:
        pipe = theirs.fileno()
        forked = (
            fork_process(
                pipe,
                log.fileno(),
                environment=variables,
                folder=scratch,
                takes_device=takes_device,
            )
            if is_confined
            else None
        )
        process = forked or _SpawnedProcess(
            [str(pipe), *(["confined"] if is_confined else [])],
            stdout=log,
            stderr=log,
            cwd=scratch,
            pass_fds=[pipe],
            env=variables,
        )
    return _Running(process, ours, scratch)


class ChildEngine:
    """A process that becomes the engine of a model.

    Args:
        settings: The settings.
        log_file: Log file of the process.
        is_confined: Whether it has no token and no network, and only a view of the files. Only what
            sees no file of a model may be without.
        takes_device: Whether it computes as an engine does, so that idle ones on its device end before.
        kept: A process that is an engine already, None to start one.
    """

    def __init__(
        self,
        settings: Settings,
        log_file: Path,
        *,
        is_confined: bool = True,
        takes_device: bool = True,
        kept: KeptProcess | None = None,
    ) -> None:
        self._memory_kills = memory_kills()
        self._log_file = log_file
        log_file.parent.mkdir(parents=True, exist_ok=True)
        if kept:
            scratch = kept.notes[SCRATCH]
            running = _Running(kept.process, Connection(kept.pipe), scratch)
        else:
            running = _started(
                settings, log_file, is_confined=is_confined, takes_device=takes_device
            )
        self._process, pipe, self._scratch = running
        self._putting_away = weakref.finalize(self, shutil.rmtree, self._scratch, True)
        self._wire = Wire(pipe)
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[Message]] = {}
        self._ended: ProcessEnded | None = None
        self._is_resting = False
        self._keeper: Any = None
        self._asked = ThreadPoolExecutor(CALLS_AT_ONCE)
        self._listener = threading.Thread(target=self._listen, daemon=True, name="engine")
        self._listener.start()

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.id

    def import_libraries(self, made_of: str, backend: str, *, cpu_kv_cache_gib: int) -> None:
        """Make the process import its libraries. Later calls wait for the imports.

        Args:
            made_of: Module that makes the engine; see `evalboard.engine.placing.child_program`.
            backend: Name of the backend whose libraries it needs.
            cpu_kv_cache_gib: Memory for the KV cache of an engine on a CPU.
        """
        self._tell({"do": "import", "made_of": made_of, "of": [backend, cpu_kv_cache_gib]})

    def follow(
        self, spec: EngineSpec, view: View, *, keeper: Any, is_same_model: bool = False
    ) -> None:
        """Make a process that is an engine that of the next model, with another log.

        Args:
            spec: Specification of the engine.
            view: As for the first model, with the questions of this one.
            keeper: As for `make`.
            is_same_model: Whether it is the same model, which is asked another suite.
        """
        self._keeper = keeper
        public = spec.model_copy(update={"settings": spec.settings.without_secrets()})
        with self._log_file.open("ab") as log:
            self._tell(
                {
                    "do": "follow",
                    "spec": public.model_dump(mode="json"),
                    "questions": str(view.questions),
                    "is_same_model": is_same_model,
                },
                file=log.fileno(),
            )

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
                "writable": [self._scratch, *map(str, view.writable)],
                "environment": dict(view.environment),
                "own": str(view.own or ""),
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
                self._process.kill()
        self._listener.join()
        if self._is_resting:
            self._bury()
        self._asked.shutdown(wait=False, cancel_futures=True)
        self._putting_away()

    def keep(self, name: str, notes: Mapping[str, Any], *, seconds: float) -> bool:
        """Leave the process to the fork server, and return whether it is kept.

        No call may be in progress. If it is not kept, end it.

        Args:
            name: Name under which the next holder can take it.
            notes: What that one must know, with the `folders` to remove after the process.
            seconds: Time after which it ends.
        """
        if not isinstance(self._process, ForkedProcess):
            return False
        self._tell({"do": "rest"})
        self._listener.join(REST_SECONDS)
        if not self._is_resting:
            return False
        self._asked.shutdown()
        folders = [*notes["folders"], self._scratch]
        whole = {**notes, SCRATCH: self._scratch, "folders": folders}
        if not self._process.keep(self._wire.fileno(), name, whole, seconds=seconds):
            return False
        with self._lock:
            self._ended = ProcessEnded(EngineDied, "it was left to the next model.")
        self._wire.close()
        self._putting_away.detach()
        return True

    def _tell(self, fields: dict[str, Any], file: int | None = None) -> None:
        with suppress(OSError):  # where it has ended, the listener says so
            self._wire.send(fields, file=file)

    def _listen(self) -> None:
        """Deliver the answers until the process ends, or rests."""
        with suppress(EOFError, OSError, ValueError, KeyError):
            while not self._is_resting:
                self._take(self._wire.receive())
        if not self._is_resting:
            self._bury()

    def _bury(self) -> None:
        """End the process, if it has not ended, and tell everybody who waits for it."""
        self._process.kill()  # its workers, and itself if it only closed the pipe
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
        elif fields["say"] == "resting":
            self._is_resting = True
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

    def _death(self, code: int) -> ProcessEnded:
        if code >= 0:
            return ProcessEnded(EngineDied, f"it ended with exit code {code}.")
        name = signal.Signals(-code).name
        if code == -signal.SIGKILL and memory_kills() > self._memory_kills:
            return ProcessEnded(
                OutOfMemory, f"it was killed by {name}: the machine ran out of memory."
            )
        return ProcessEnded(EngineDied, f"it was killed by {name}.")
