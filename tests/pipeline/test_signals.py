"""A signal at any moment leaves no process behind."""

import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.settings import Settings
from tests.pipeline.runs import DEADLINE_SECONDS, is_engine, of_program, said_by, start, wait_until

VERBS = {
    "run": ("run", "--once"),
    "evaluate": ("evaluate", "test/random", "--precision", "float32"),
    "demo": ("demo", "--no-serve"),
    "up": ("up",),
}


def own_engines(run: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [p for p in psutil.Process(run.pid).children(recursive=True) if is_engine(p)]


ENGINES = {"run": own_engines, "evaluate": lambda run: of_program(run, "child_program")}


@pytest.fixture
def settings(configure: Callable[..., Settings], small_suite: Path) -> Settings:
    ports: list[int] = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    return configure(
        suite=str(small_suite), max_running=1, server_port=ports[0], viewer_port=ports[1]
    )


@pytest.mark.parametrize(
    ("verb", "number"),
    [
        ("run", signal.SIGTERM),
        ("demo", signal.SIGKILL),
        ("up", signal.SIGINT),
        *(
            pytest.param(verb, number, marks=pytest.mark.slow)
            for verb, number in (
                ("run", signal.SIGKILL),
                ("demo", signal.SIGTERM),
                ("up", signal.SIGTERM),
                ("up", signal.SIGKILL),
                # Its engine notices after it has imported its libraries.
                ("evaluate", signal.SIGTERM),
                ("evaluate", signal.SIGKILL),
            )
        ),
    ],
)
def test_an_end_at_the_first_child_leaves_nothing(
    settings: Settings, tmp_path: Path, verb: str, number: signal.Signals
) -> None:
    words = (*VERBS[verb], "--folder", str(tmp_path / "demo")) if verb == "demo" else VERBS[verb]
    program = start(settings, *words, is_alone=True)
    process = psutil.Process(program.pid)
    wait_until(lambda: bool(process.children()), program)
    end(program, verb, number)


@pytest.mark.slow
@pytest.mark.parametrize("verb", ENGINES)
def test_an_end_while_a_model_is_evaluated_leaves_nothing(settings: Settings, verb: str) -> None:
    submit(Submission(model="test/random", precision=Precision.FLOAT32), settings)
    program = start(settings, *VERBS[verb], hold="evaluate=1", is_alone=True)
    wait_until(lambda: bool(ENGINES[verb](program)), program)
    end(program, verb, signal.SIGTERM)
    said = said_by(settings).read_text(encoding="utf-8")
    assert ("continues where it was" if verb == "evaluate" else "Its answers are kept") in said


def end(program: subprocess.Popen[bytes], verb: str, number: signal.Signals) -> None:
    started = psutil.Process(program.pid).children(recursive=True)
    assert started
    program.send_signal(number)
    ends = {
        ("up", signal.SIGTERM): 0,
        ("up", signal.SIGINT): 130,
        ("evaluate", signal.SIGTERM): 143,
    }
    expected = ends.get((verb, number), -number)
    assert program.wait(DEADLINE_SECONDS) == expected
    _, left = psutil.wait_procs(started, timeout=DEADLINE_SECONDS)
    assert left == []
