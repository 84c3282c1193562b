"""Load parts of a hostile repository in a confined process (`evalboard.engine.inspection.inspector`).

The inspector has no token, no settings and no network, and loads each part in a separate fork. It
starts on first use and stays, because importing the libraries takes seconds. When idle, it ends.
"""

import atexit
import itertools
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.engine.environment import import_path
from evalboard.engine.inspection.confinement import ResourceLimits
from evalboard.errors import EngineError
from evalboard.files import read_end
from evalboard.process_environment import LIBRARY_PATH, public_environment
from evalboard.validation.documents import parse_document
from evalboard.wording import plain

ANSWER_BYTES = 20_000_000
LOG_TAIL_BYTES = 2000
CLOSING_SECONDS = 10
PROGRAM = ("-m", "evalboard.engine.inspection.inspector")
MACHINE_FAULTS = {
    "busy": "this machine is so busy that the check did not finish in {seconds:.0f} s. Try again "
    "later.",
    "memory": "the system killed its process, as it does when memory is short. Free some memory.",
    "failed": "its process failed on this machine. Read the end of the log and correct what it "
    "names, such as a full disk, or reinstall with `make setup`.",
}
"""Why a check could not run, by what the inspector says. None of them concerns the repository."""


class LoadResult(NamedTuple):
    """The outcome of loading one part of a repository."""

    content: dict[str, Any] = {}
    """Content of the part, empty if it did not load."""
    problem: str = ""
    """Why it did not load."""
    error: str = ""
    """Name of the exception, empty if the process died."""
    timed_out: bool = False
    """Whether it was stopped at the time limit."""
    peak_bytes: int = 0
    """Peak resident memory of the process in bytes."""


class _JobEnd(NamedTuple):
    exit: int
    timed_out: bool
    machine: str
    """Why this machine is at fault, a key of `MACHINE_FAULTS`; empty if it is not."""
    peak_bytes: int
    seconds: float


class _Gone(Exception):
    """Raised when the inspector ends before it has finished a job."""


def has_libraries() -> bool:
    """Return whether config, tokenizer and model can be loaded on this machine."""
    return find_spec("transformers") is not None and find_spec("torch") is not None


def load(
    part: str,
    folder: Path,
    scratch: Path,
    inputs: Mapping[str, Any] | None = None,
    limits: ResourceLimits | None = None,
) -> LoadResult:
    """Load one part of a repository, as `load_parts` does."""
    return load_parts((part,), folder, scratch, inputs, limits)[part]


def load_parts(
    parts: Sequence[str],
    folder: Path,
    scratch: Path,
    inputs: Mapping[str, Any] | None = None,
    limits: ResourceLimits | None = None,
) -> dict[str, LoadResult]:
    """Load parts of a repository in one process, one after the other, until one does not load.

    Args:
        parts: Keys of `evalboard.engine.inspection.autoload.PARTS`.
        folder: Local copies of the repository's files, the only ones that the process can read.
        scratch: Folder for inputs and answers.
        inputs: Inputs of the parts in addition to the files.
        limits: The limits of time and memory for all parts together.

    Returns:
        The outcome of each part. The parts after one that did not load have its problem.

    Raises:
        EngineError: This machine could not load them. It says nothing about the repository.
    """
    limits = limits or ResourceLimits()
    job = next(_numbers)
    if inputs is not None:
        (scratch / f"{job}.inputs").write_text(json.dumps(inputs), encoding="utf-8")
    line = json.dumps(
        {
            "id": job,
            "parts": list(parts),
            "folder": str(folder),
            "scratch": str(scratch),
            "limits": limits._asdict(),
        }
    )
    ended, log_tail = _run(job, line)
    if ended.machine:
        reason = MACHINE_FAULTS[ended.machine].format(seconds=ended.seconds)
        raise EngineError(
            f"The check of the {' and the '.join(parts)} could not run: {reason}", log_tail=log_tail
        )
    failed = _death(ended, limits)
    results: dict[str, LoadResult] = {}
    for part in parts:
        answer = scratch / f"{job}.{part}.answer"
        result = _read_answer(answer, folder) or failed
        results[part] = result._replace(peak_bytes=ended.peak_bytes)
        failed = result if result.problem else failed
    return results


def warm_up() -> None:
    """Start the inspector unless it runs. It imports its libraries in the background."""
    if has_libraries():
        with _lock:
            _current()


def peak_bytes() -> int:
    """Return the peak resident memory of any process of the running inspector."""
    return max((inspector.peak_bytes for inspector in _inspectors), default=0)


def inspector_environment(home: Path) -> dict[str, str]:
    """Return all environment variables of the process: no token, no settings, no Hub."""
    return {
        **public_environment((LIBRARY_PATH,)),
        "PATH": os.defpath,
        "PYTHONPATH": import_path(),
        "PYTHONUTF8": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(home),
        "TMPDIR": str(home),
        "HF_HOME": str(home),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        # Tensors without data are not worth a thread.
        "HF_DEACTIVATE_ASYNC_LOAD": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "TOKENIZERS_PARALLELISM": "false",
        # Threads would be lost in a fork.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


class _Inspector:
    """The running program, and the threads that wait for its answers."""

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="evalboard-inspector-")
        home = Path(self._home.name)
        self._log = home / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=home,
                env=inspector_environment(home),
                start_new_session=True,
            )
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[_JobEnd]] = {}
        self.alive = True
        self.peak_bytes = 0
        self._reader = threading.Thread(target=self._read, daemon=True, name="inspector")
        self._reader.start()

    def ask(self, job: int, line: str) -> Future[_JobEnd]:
        """Send a job to the program."""
        future: Future[_JobEnd] = Future()
        assert self._process.stdin
        with self._lock:
            if not self.alive:
                raise _Gone
            self._waiting[job] = future
            try:
                self._process.stdin.write(line.encode() + b"\n")
                self._process.stdin.flush()
            except OSError as exc:
                self.alive = False
                raise _Gone from exc
        return future

    def log_tail(self) -> str:
        """Return the end of its standard error, including its forks'."""
        return read_end(self._log, max_bytes=LOG_TAIL_BYTES)

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self.alive = False
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, and there is nobody to tell
        try:
            self._process.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        self._home.cleanup()

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            said = json.loads(line)
            if "id" in said:
                answered = self._waiting.pop(said.pop("id"))
                ended = _JobEnd(**said)
                self.peak_bytes = max(self.peak_bytes, ended.peak_bytes)
                answered.set_result(ended)
        with self._lock:
            self.alive = False
        for future in self._waiting.values():
            future.set_exception(_Gone())


_numbers = itertools.count(1)
_lock = threading.Lock()
_inspectors: list[_Inspector] = []


def _current() -> _Inspector:
    """Return the running inspector, or start one. The caller holds the lock."""
    if _inspectors and not _inspectors[0].alive:
        _inspectors.pop().close()
    if not _inspectors:
        _inspectors.append(_Inspector())
    return _inspectors[0]


def _run(job: int, line: str) -> tuple[_JobEnd, str]:
    """Do a job. Retry once if the inspector was gone, as after an idle time."""
    tail = ""
    for _ in range(2):
        with _lock:
            inspector = _current()
        try:
            ended = inspector.ask(job, line).result()
        except _Gone:
            tail = inspector.log_tail()
            continue
        return ended, inspector.log_tail()
    raise EngineError(
        "The process that loads config and tokenizer cannot start. Reinstall with `make setup`.",
        log_tail=tail,
    )


def _death(ended: _JobEnd, limits: ResourceLimits) -> LoadResult:
    """Return the outcome of a part whose process ended without an answer."""
    if ended.timed_out:
        problem = (
            f"it did not finish within the time limit (at most {limits.cpu_seconds} s of processor "
            f"time, {limits.wall_seconds:.0f} s in all)"
        )
        return LoadResult(problem=problem, timed_out=True)
    if ended.exit >= 0:
        return LoadResult(problem=f"the loading process ended with exit code {ended.exit}")
    return LoadResult(
        problem=f"the loading process crashed ({signal.Signals(-ended.exit).name}), as it does when "
        "it exceeds its memory limit"
    )


def _read_answer(path: Path, folder: Path) -> LoadResult | None:
    """Return a part's answer, None if its process wrote none, or not all of it.

    The process that read the repository wrote it, so nothing about the file can be relied on.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        answer = parse_document(file.read(ANSWER_BYTES)).content
    loaded, error, message = (answer.get(key) for key in ("loaded", "error", "message"))
    if isinstance(loaded, dict):
        return LoadResult(loaded)
    if not isinstance(error, str) or not isinstance(message, str):
        return None
    text = plain(message.replace(str(folder), "the repository"), 500).rstrip(".")
    return LoadResult(problem=f"{plain(error, 100)}: {text}", error=error)


@atexit.register
def close() -> None:
    """End the inspector. The next load starts another."""
    while _inspectors:
        _inspectors.pop().close()
