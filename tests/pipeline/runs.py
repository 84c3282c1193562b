"""Runs of the pipeline in processes of their own, to be killed."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from evalboard.engine.placing.forking import SERVER
from evalboard.process_environment import child_environment
from evalboard.settings import Settings
from tests.processes import command_line, with_command

DEADLINE_SECONDS = 400
ENGINE = "evalboard.engine.placing.child_program"
FORKS = "evalboard.engine.placing.fork_program"
REPOSITORY = Path(__file__).parents[2]
STORES = ("requests", "results", "board")
"""Of a board on a Hub, in the organisation `org`."""


def start_run(settings: Settings, *, hold: str = "") -> subprocess.Popen[bytes]:
    """Start work on the queue; see `start`."""
    return start(settings, "run", "--once", hold=hold)


def start(
    settings: Settings,
    *arguments: str,
    hold: str = "",
    is_alone: bool = False,
    module: str = "evalboard",
    prefix: Sequence[str] = (),
) -> subprocess.Popen[bytes]:
    """Start `evalboard`. What it says goes to `said.log` in its home.

    Args:
        settings: Its settings.
        arguments: Its arguments.
        hold: Where it waits for `let_go`; see `tests.pipeline.held`.
        is_alone: Whether its engines are forks of a server of its own, or import their libraries.
        module: The program, in place of `evalboard`.
        prefix: Beginning of the command, of a program that runs the rest.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    for file in ("go", "hold-keep"):
        (settings.home / file).unlink(missing_ok=True)
    program = ["tests.pipeline.held", str(settings.home), hold] if hold else [module]
    with said_by(settings).open("wb") as said:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", *program, *arguments],
            cwd=REPOSITORY,
            env=own_environment(settings) if is_alone else _shared_environment(settings),
            stdout=said,
            stderr=said,
        )


def said_by(settings: Settings) -> Path:
    """Return the file of what the last program said."""
    return settings.home / "said.log"


def _shared_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a program that leaves no engine to the server of all tests."""
    return child_environment(settings, EVALBOARD_ENGINE_IDLE_SECONDS="0")


def own_environment(settings: Settings) -> dict[str, str]:
    """Return the environment of a program whose engines are its own, as of one that a user starts."""
    variables = child_environment(settings)
    variables.pop(SERVER, None)
    return variables


def let_go(settings: Settings) -> None:
    """Let a program go on that is held."""
    (settings.home / "go").touch()


def wait_until(condition: Callable[[], bool], run: subprocess.Popen[Any]) -> None:
    """Wait until something is true of a run that goes on, or is held."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert run.poll() is None, "the run ended before it was to be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def engines_of(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the processes that hold a model, without their own processes.

    They are processes of the run, or forks of the server of all tests: no other test runs.
    """
    servers = with_command(psutil.Process().children(), FORKS)
    trees = (psutil.Process(run.pid), *servers)
    return [p for tree in trees for p in tree.children(recursive=True) if is_engine(p)]


def is_engine(process: psutil.Process) -> bool:
    """Return whether a process holds a model: it is started as such, or a fork server's fork.

    The processes that make an engine's prompts are forks of it.
    """
    with suppress(psutil.Error):  # ended meanwhile
        programs = [command_line(each) for each in (process, *process.parents()[:2])]
        is_started = ENGINE in programs[0] and ENGINE not in programs[1]
        is_forked = all(FORKS in program for program in programs[:2]) and FORKS not in programs[2]
        return is_started or is_forked
    return False


def of_program(run: subprocess.Popen[bytes], program: str) -> list[psutil.Process]:
    """Return the processes of a run that have something in their command."""
    return with_command(psutil.Process(run.pid).children(recursive=True), program)


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
