"""Runs of the pipeline in processes of their own, to be killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from evalboard.settings import Settings, child_environment

DEADLINE_SECONDS = 400
ENGINE = "evalboard.engine.placing.child_program"
REPOSITORY = Path(__file__).parents[2]


def start_run(settings: Settings, *, hold: str = "") -> subprocess.Popen[bytes]:
    """Start work on the queue; see `start`."""
    return start(settings, "run", "--once", hold=hold)


def start(settings: Settings, *arguments: str, hold: str = "") -> subprocess.Popen[bytes]:
    """Start `evalboard`.

    Args:
        settings: Its settings.
        arguments: Its arguments.
        hold: Where it waits for `let_go`; see `tests.pipeline.held`.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    for file in ("go", "hold-keep"):
        (settings.home / file).unlink(missing_ok=True)
    program = ["tests.pipeline.held", str(settings.home), hold] if hold else ["evalboard"]
    return subprocess.Popen(
        [sys.executable, "-m", *program, *arguments],
        cwd=REPOSITORY,
        env=child_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def let_go(settings: Settings) -> None:
    """Let a program go on that is held."""
    (settings.home / "go").touch()


def wait_until(condition: Callable[[], bool], run: subprocess.Popen[bytes]) -> None:
    """Wait until something is true of a run that goes on, or is held."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert run.poll() is None, "the run ended before it was to be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def engines_of(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that hold a model, without their own processes."""
    return [p for p in of_program(run, ENGINE) if not is_fork(p)]


def is_fork(process: psutil.Process) -> bool:
    """Return whether a process is the fork of an engine that makes its prompts."""
    with suppress(psutil.Error):  # ended meanwhile
        parent = process.parent()
        return parent is not None and ENGINE in " ".join(parent.cmdline())
    return True


def of_program(run: subprocess.Popen[bytes], program: str) -> list[psutil.Process]:
    """Return the processes of a run that have something in their command."""
    found: list[psutil.Process] = []
    for process in psutil.Process(run.pid).children(recursive=True):
        with suppress(psutil.Error):  # ended meanwhile
            if program in " ".join(process.cmdline()):
                found.append(process)
    return found


def answers_in(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return every column of every answer that lies in a folder, by benchmark."""
    return {
        file.stem: pq.read_table(file).to_pylist() for file in sorted(folder.rglob("*.parquet"))
    }


def kill_with_children(run: subprocess.Popen[bytes]) -> None:
    """Kill a run and what it started, all at the same time."""
    children = psutil.Process(run.pid).children(recursive=True)
    run.send_signal(signal.SIGKILL)
    run.wait()
    for process in children:
        with suppress(psutil.NoSuchProcess):
            process.kill()
