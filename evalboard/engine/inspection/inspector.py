"""A program that loads parts of hostile repositories, each in a separate process.

It imports the libraries once, which takes seconds, and then forks for every job it reads from
standard input. Content of one repository is never visible to another. Started by
`evalboard.validation.child`, with nothing in its environment but paths.

A job is a line of JSON: `id`, `parts`, `folder` (which is read), `scratch` (which may be written;
`{id}.inputs` there, if any, holds the parts' inputs) and `limits`. The process that does it loads the
parts one after the other, until one does not load, and writes the answer of each to
`{id}.{part}.answer`. When it has ended, a line goes to standard output: `id`, `exit` (below zero: the
signal it died of), `timed_out`, `machine` (why this machine and not the repository is at fault: `busy`,
`memory` or `failed`; else empty), `peak_bytes` and `seconds`.
"""

import errno
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from evalboard.collecting import importing
from evalboard.engine.inspection.autoload import PARTS, Part
from evalboard.engine.inspection.confinement import ResourceLimits, confine, leave_network

T = TypeVar("T")

IDLE_SECONDS = 600
"""Idle time after which the program ends. The next job starts another one."""
POLL_SECONDS = 0.01
GIVING_WAY = 5
"""Niceness of the imports: a third of the processor time of a program that wants the same processor. An
engine that imports at the same time needs twice as long."""
MAX_MESSAGE_CHARACTERS = 2000
READY = '{"ready": true}'
MACHINE_EXIT = 75
"""Exit code of a job that this machine could not do. All others concern the repository."""
_MACHINE_ERRORS = frozenset({errno.EDQUOT, errno.EIO, errno.ENFILE, errno.ENOSPC})
STARVED_SHARE = 0.25
"""Share of its time that an overdue job waited for a processor, from which on the machine is at
fault."""


class _RunningJob(NamedTuple):
    id: int
    started: float
    """By the monotonic clock."""
    wall_seconds: float
    cpu_seconds: int


def main() -> None:
    """Import the libraries and do jobs until standard input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)
    leave_network()
    with importing():
        giving_way(_import_libraries)
    _tell(answers, READY)
    serve(answers)
    os._exit(0)  # there is nothing to put away, and taking the libraries down takes a second


def serve(answers: int) -> None:
    """Do jobs, all requested ones at the same time."""
    running: dict[int, _RunningJob] = {}
    lines = _Lines()
    idle_since = time.monotonic()
    while lines.open and (running or time.monotonic() - idle_since < IDLE_SECONDS):
        for line in lines.read(POLL_SECONDS if running else 1.0):
            job = json.loads(line)
            running |= [_start(job, answers)]
        for line in _ended(running):
            _tell(answers, line)
            idle_since = time.monotonic()
    for process in running:
        _kill(process)


def giving_way(work: Callable[[], T]) -> T:
    """Return what some work returns, and let other programs have the processor before it.

    Linux has a niceness for each thread, and nobody may lower one again: the work has a thread of its
    own, which ends with it. What is done later, and every fork, is as nice as before.
    """
    with ThreadPoolExecutor(1, initializer=os.nice, initargs=(GIVING_WAY,)) as thread:
        return thread.submit(work).result()


class _Lines:
    """The lines of standard input, with a limit on blocking."""

    def __init__(self) -> None:
        self.open = True
        self._rest = b""
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)

    def read(self, seconds: float) -> list[bytes]:
        if not self._selector.select(seconds):
            return []
        content = os.read(0, 65536)
        self.open = bool(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        return lines


def _start(job: dict[str, Any], answers: int) -> tuple[int, _RunningJob]:
    process = os.fork()
    if process == 0:
        os.close(answers)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _work(job)
    limits = ResourceLimits(**job["limits"])
    started = time.monotonic()
    return process, _RunningJob(job["id"], started, limits.wall_seconds, limits.cpu_seconds)


def _work(job: dict[str, Any]) -> None:
    """Do a job and end the process, whatever happens."""
    code = MACHINE_EXIT
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        scratch, folder = Path(job["scratch"]), Path(job["folder"])
        os.chdir(scratch)
        parts = {name: PARTS[name] for name in job["parts"]}
        inputs = _inputs(scratch / f"{job['id']}.inputs")
        confine(ResourceLimits(**job["limits"]), readable=folder, writable=scratch)
        code = 1
        for name, part in parts.items():
            answer = _answer(part, str(folder), inputs)
            text = json.dumps(answer)
            (scratch / f"{job['id']}.{name}.answer").write_text(text, encoding="utf-8")
            if "error" in answer:
                break
        code = 0
    # The process ends here, and its exit code says which kind of failure it was.
    except BaseException as exc:  # noqa: BLE001
        code = MACHINE_EXIT if _is_of_machine(exc) else code
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _answer(part: Part, folder: str, inputs: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"loaded": part(folder, inputs)}
    # Third-party code on hostile files: whatever it raises is what the repository is refused for.
    # The panics of Rust are a BaseException.
    except BaseException as exc:
        if _is_of_machine(exc):
            raise
        return {"error": type(exc).__name__, "message": str(exc)[:MAX_MESSAGE_CHARACTERS]}


def _is_of_machine(exc: BaseException) -> bool:
    """Return whether an error says that this machine lacks something, such as disk space."""
    return isinstance(exc, OSError) and exc.errno in _MACHINE_ERRORS


def _inputs(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}


def _ended(running: dict[int, _RunningJob]) -> Iterator[str]:
    """Remove ended processes from the running ones, and report their outcomes."""
    for process, job in list(running.items()):
        seconds = time.monotonic() - job.started
        overdue = seconds > job.wall_seconds
        starved = overdue and _waited_for_processor(process) > STARVED_SHARE * max(seconds, 1)
        if overdue:
            _kill(process)
        pid, status, usage = os.wait4(process, 0 if overdue else os.WNOHANG)
        if not pid:
            continue
        del running[process]
        _kill_group(process)  # whatever native code has started
        code = os.waitstatus_to_exitcode(status)
        used_up = usage.ru_utime + usage.ru_stime >= job.cpu_seconds
        timed_out = overdue or code == -signal.SIGXCPU or (code < 0 and used_up)
        yield json.dumps(
            {
                "id": job.id,
                "exit": code,
                "timed_out": timed_out,
                "machine": _fault(code, timed_out=timed_out, starved=starved and not used_up),
                "peak_bytes": usage.ru_maxrss * 1024,
                "seconds": round(seconds, 3),
            }
        )


def _fault(code: int, *, timed_out: bool, starved: bool) -> str:
    """Return why this machine is at fault for the end of a job, empty if it is not."""
    if starved:
        return "busy"
    if code == -signal.SIGKILL and not timed_out:
        return "memory"  # no limit ends a process so early: the system did, when memory was short
    return "failed" if code == MACHINE_EXIT else ""


def _waited_for_processor(process: int) -> float:
    """Return for how many seconds a process was ready and had no processor, 0 if unknown."""
    try:
        return int(Path(f"/proc/{process}/schedstat").read_text("ascii").split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0


def _kill(process: int) -> None:
    """End a process and those of its group."""
    _kill_group(process)
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _kill_group(process: int) -> None:
    try:
        os.killpg(process, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def _tell(descriptor: int, line: str) -> None:
    os.write(descriptor, line.encode() + b"\n")


def _import_libraries() -> None:
    """Import the libraries for loading, so the forks have them."""
    # Only for assisted generation, and half of the time that importing takes.
    for name in ("scipy", "sklearn"):
        sys.modules[name] = None  # pyright: ignore[reportArgumentType]
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.models.llama import (  # noqa: F401 - for the forks
        modeling_llama,
        tokenization_llama,
    )

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    assert AutoModelForCausalLM
    assert AutoTokenizer


if __name__ == "__main__":
    main()
