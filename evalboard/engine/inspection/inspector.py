"""A program that loads parts of hostile repositories, each in a separate process.

It imports the libraries once, which takes seconds, and then forks for every job it reads from
standard input. Content of one repository is never visible to another. Started by
`evalboard.validation.child`, with nothing in its environment but paths.

A job is a line of JSON: `id`, `part`, `folder` (which is read), `scratch` (which may be written;
`{id}.inputs` there, if any, holds the part's inputs) and `limits`. The process that does it writes
its answer to `{id}.answer`. When it has ended, a line goes to standard output: `id`, `exit` (below
zero: the signal it died of), `timed_out`, `peak_bytes` and `seconds`.
"""

import gc
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.engine.inspection.autoload import PARTS
from evalboard.engine.inspection.confinement import ResourceLimits, confine, leave_network

IDLE_SECONDS = 600
"""Idle time after which the program ends. The next job starts another one."""
POLL_SECONDS = 0.01
MAX_MESSAGE_CHARACTERS = 2000
READY = '{"ready": true}'


class _RunningJob(NamedTuple):
    job: int
    started: float
    deadline: float
    """Start and end by the monotonic clock."""


def main() -> None:
    """Import the libraries and do jobs until standard input ends."""
    answers = os.dup(1)
    os.dup2(2, 1)
    leave_network()
    _import_libraries()
    gc.collect()
    gc.freeze()
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
    now = time.monotonic()
    return process, _RunningJob(job["id"], now, now + job["limits"]["wall_seconds"])


def _work(job: dict[str, Any]) -> None:
    """Do a job and end the process, whatever happens."""
    code = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        scratch = Path(job["scratch"])
        os.chdir(scratch)
        answer = _answer(job, scratch)
        (scratch / f"{job['id']}.answer").write_text(json.dumps(answer), encoding="utf-8")
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)


def _answer(job: dict[str, Any], scratch: Path) -> dict[str, Any]:
    part = PARTS[job["part"]]
    folder = Path(job["folder"])
    inputs = _inputs(scratch / f"{job['id']}.inputs")
    confine(ResourceLimits(**job["limits"]), readable=folder, writable=scratch)
    try:
        return {"loaded": part(str(folder), inputs)}
    # Third-party code on hostile files: whatever it raises is what the repository is refused for.
    except Exception as exc:  # noqa: BLE001
        return {"error": type(exc).__name__, "message": str(exc)[:MAX_MESSAGE_CHARACTERS]}


def _inputs(path: Path) -> dict[str, Any]:
    return json.loads(path.read_bytes()) if path.is_file() else {}


def _ended(running: dict[int, _RunningJob]) -> Iterator[str]:
    """Remove ended processes from the running ones, and report their outcomes."""
    for process, (job, started, deadline) in list(running.items()):
        now = time.monotonic()
        overdue = now > deadline
        if overdue:
            _kill(process)
        pid, status, usage = os.wait4(process, 0 if overdue else os.WNOHANG)
        if not pid:
            continue
        del running[process]
        yield json.dumps(
            {
                "id": job,
                "exit": os.waitstatus_to_exitcode(status),
                "timed_out": overdue or os.waitstatus_to_exitcode(status) == -signal.SIGXCPU,
                "peak_bytes": usage.ru_maxrss * 1024,
                "seconds": round(now - started, 3),
            }
        )


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
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
