"""Programs that are killed or stopped while a model is evaluated, and what the next one does.

They run as in containers: in a namespace of process ids, and with a host name, of their own.
"""

import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from evalboard.cli import main
from evalboard.intake.submission import Submission, submit
from evalboard.lifecycle import claim
from evalboard.records.precision import Precision
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from tests.namespaces import in_own_namespace, kill_namespace
from tests.pipeline.runs import DEADLINE_SECONDS, of_program, said_by, start, wait_until

MODEL = "test/random"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def settings(configure: Callable[..., Settings], small_suite: Path, shared_server: str) -> Settings:
    settings = configure(
        suite=str(small_suite), backend="hf", max_running=1, prefect_api_url=shared_server
    )
    submit(Submission(model=MODEL, precision=Precision.FLOAT32), settings)
    return settings


@pytest.fixture
def run_on(settings: Settings) -> Iterator[Start]:
    """Return a function that starts `evalboard run --once` on a machine of this name.

    With `held_at`, it waits after its first benchmark, when so many are finished.
    """
    started: list[subprocess.Popen[bytes]] = []

    def run(host: str, *, held_at: int = 0) -> subprocess.Popen[bytes]:
        hold = "keep=2" if held_at else ""
        program = start(
            settings, "run", "--once", hold=hold, is_alone=True, prefix=in_own_namespace(host)
        )
        started.append(program)
        if held_at:
            wait_until(lambda: finished(settings) == held_at and answers(settings) > 0, program)
        return program

    yield run
    for program in started:
        if program.poll() is None:
            kill_namespace(program.pid)
            program.wait()


def finished(settings: Settings) -> int:
    return len(list((settings.work_folder / "outcomes").glob("*.json")))


def answers(settings: Settings) -> int:
    """Return how many answers of unfinished benchmarks are kept."""
    files = (settings.work_folder / "answers").glob("*.jsonl")
    return sum(file.read_bytes().count(b"\n") for file in files)


def request(settings: Settings) -> RequestRecord:
    (entry,) = open_queue(settings).entries()
    assert entry.record is not None
    return entry.record


def words_of(settings: Settings) -> list[str]:
    """Return the lines that a program printed, without those about its progress."""
    lines = said_by(settings).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.endswith("…")]


def marks(settings: Settings) -> list[Path]:
    return list((settings.work_folder / "runs").iterdir())


@pytest.mark.slow
def test_a_killed_container_is_started_again_and_a_stopped_one_hands_back_its_request(
    settings: Settings, run_on: Start
) -> None:
    killed = run_on("box", held_at=1)
    assert of_program(killed, "raylet") == []  # its only place needs no Ray
    kill_namespace(killed.pid)
    killed.wait()
    assert request(settings).status is Status.RUNNING

    stopped = run_on("box", held_at=2)
    assert request(settings).evalboard.lost_runs == 1
    (first,) = psutil.Process(stopped.pid).children()
    first.terminate()
    assert stopped.wait(DEADLINE_SECONDS) == 128 + signal.SIGTERM

    record = request(settings)
    assert (record.status, record.evalboard.lost_runs) == (Status.PENDING, 1)
    assert record.evalboard.history[-1].reason.startswith("stopped by SIGTERM on box")
    assert words_of(settings) == [
        "evalboard: Stopped by SIGTERM on box.",
        f"{record.path} is PENDING again. Its answers are kept.",
    ]
    assert (finished(settings), answers(settings) > 0) == (2, True)

    assert run_on("node-2").wait(DEADLINE_SECONDS) == 0
    record = request(settings)
    assert (record.status, record.evalboard.attempts) == (Status.FINISHED, 3)
    assert marks(settings) == []


@pytest.mark.slow
def test_only_claims_that_nobody_can_judge_are_told_and_a_person_frees_them(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = open_queue(settings)
    path = request(settings).path
    elsewhere = Claim(run_id="run-1", host="another-machine", server="another server")
    then = datetime.now(UTC) - timedelta(hours=1)
    queue.change(path, lambda record: claim(record, elsewhere, now=then), message="test")

    assert start(settings, "run", "--once").wait(DEADLINE_SECONDS) == 1
    first, second = words_of(settings)
    assert first.startswith(f"{path} is RUNNING: run run-1 on another-machine.")
    assert "`evalboard requeue PATH`" in second

    assert main(["requeue", path]) == 0
    assert capsys.readouterr().out == f"{path}: PENDING\n"
