"""The jobs of `infra/slurm`, on a Slurm of one node."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalboard.engine.placing.forking import SERVER
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from tests.pipeline.runs import DEADLINE_SECONDS, REPOSITORY, let_go, own_environment
from tests.pipeline.slurm import asked, job_state, slurm
from tests.ports import free_ports

JOBS = REPOSITORY / "infra" / "slurm"
PROGRAM = """#!/bin/sh
exec {python} -m tests.pipeline.held {home} keep=2 "$@"
"""
"""`evalboard`, which waits with its second benchmark until the test lets it go."""
WAITING_PROGRAM = """#!/bin/bash
trap 'exit 143' TERM
touch started
while :; do sleep 0.1; done
"""
"""`evalboard` as a shell sees it: it works until SIGTERM."""
SIGNAL_MINUTES = {"evaluate.sbatch": 2, "board.sbatch": 3}
"""Time between the signal and the end of a job's time, as the files ask for it."""
RAY_THAT_DOES_NOT_START = "#!/bin/sh\nexit 0\n"
"""`srun` of `ray symmetric-run`, which says 0 when its port is taken. Stands for both."""


@pytest.fixture
def settings(
    configure: Callable[..., Settings],
    small_suite: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Settings]:
    """A Slurm, the settings of its jobs, and one submitted model."""
    ports = dict(zip(("server_port", "viewer_port"), free_ports(2), strict=True))
    settings = configure(suite=str(small_suite), backend="hf", max_running=1, **ports)
    submit(Submission(model="test/random", precision=Precision.FLOAT32), settings)
    program = PROGRAM.format(python=sys.executable, home=settings.home)
    path = put_first(tmp_path / "bin", "evalboard", program)
    for name, value in own_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(SERVER, raising=False)  # sbatch hands its environment to the jobs
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.chdir(folder)  # of the jobs' output
    with slurm(folder):
        yield settings


def put_first(folder: Path, name: str, text: str) -> str:
    """Write a program, and return the PATH on which it comes first, before those of this Python."""
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)
    return os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        said = "".join(file.read_text("utf-8") for file in Path().glob("slurm-*.out"))
        assert time.monotonic() < deadline, f"still not: {what}; the jobs say: {said}"
        time.sleep(0.2)


def request(settings: Settings) -> RequestRecord:
    (entry,) = open_queue(settings).entries()
    assert entry.record is not None
    return entry.record


def finished(settings: Settings) -> set[str]:
    return {file.name for file in (settings.work_folder / "outcomes").glob("*.json")}


def end_soon(job: str, started: float, signal_minutes: int) -> None:
    """Let the time of a job be up soon, its signal first. Slurm counts in minutes.

    Args:
        job: Its number.
        started: Monotonic time of its start.
        signal_minutes: Time between the signal and the end.
    """
    minutes = int((time.monotonic() - started) // 60) + signal_minutes + 1
    asked("scontrol", "update", f"JobId={job}", f"TimeLimit={minutes}")


@pytest.mark.slurm
def test_a_job_whose_time_is_up_hands_back_its_request_and_the_next_job_finishes_it(
    settings: Settings,
) -> None:
    started = time.monotonic()
    first = asked("sbatch", "--parsable", str(JOBS / "evaluate.sbatch"))
    wait_until(lambda: len(finished(settings)) == 1, "a benchmark is finished")
    kept = finished(settings)
    end_soon(first, started, SIGNAL_MINUTES["evaluate.sbatch"])
    wait_until(lambda: request(settings).status is Status.PENDING, "the request is handed back")
    returned = request(settings).evalboard
    assert returned.history[-1].reason.startswith("stopped by SIGTERM")
    assert returned.lost_runs == 0
    assert kept <= finished(settings)

    let_go(settings)
    wait_until(lambda: request(settings).status is Status.FINISHED, "the next job finishes it")
    assert request(settings).evalboard.attempts == 2
    wait_until(lambda: not asked("squeue", "--noheader"), "no job is left")
    assert job_state(first) == "COMPLETED"
    assert job_state(str(int(first) + 1)) == "COMPLETED"


@pytest.mark.slurm
def test_a_whole_board_runs_in_a_job_and_moves_to_the_next_one(settings: Settings) -> None:
    let_go(settings)
    started = time.monotonic()
    first = asked("sbatch", "--parsable", str(JOBS / "board.sbatch"))
    wait_until(lambda: request(settings).status is Status.FINISHED, "the model is evaluated")
    end_soon(first, started, SIGNAL_MINUTES["board.sbatch"])
    wait_until(lambda: job_state(first) == "COMPLETED", "the first job has ended")
    second = asked("squeue", "--noheader", "--format=%i")
    assert int(second) == int(first) + 1
    wait_until(lambda: job_state(second) == "RUNNING", "the next job runs")
    asked("scancel", second)
    wait_until(lambda: not asked("squeue", "--noheader"), "a cancelled job has no successor")


@pytest.mark.slurm
def test_a_cancelled_job_has_no_successor(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "bin" / "evalboard").write_text(WAITING_PROGRAM, encoding="utf-8")
    job = asked("sbatch", "--parsable", str(JOBS / "evaluate.sbatch"))
    wait_until(Path("started").exists, "the program works")
    asked("scancel", job)
    wait_until(lambda: not asked("squeue", "--noheader"), "the job is gone, and no other there")
    assert job_state(job) == "CANCELLED"


@pytest.mark.slurm
def test_jobs_are_submitted_for_open_requests_up_to_a_limit(settings: Settings) -> None:
    command = [str(JOBS / "submit-jobs"), "1", str(JOBS / "evaluate.sbatch")]
    for _ in range(2):
        subprocess.run(command, check=True)
        assert len(asked("squeue", "--noheader").splitlines()) == 1
    wait_until(lambda: len(finished(settings)) == 1, "a benchmark is finished")


def test_a_job_whose_ray_does_not_start_has_failed(tmp_path: Path) -> None:
    path = put_first(tmp_path / "bin", "srun", RAY_THAT_DOES_NOT_START)
    job = {"HOME": str(tmp_path), "PATH": path, "TMPDIR": str(tmp_path)}
    job |= {"SLURM_JOB_ID": "1", "SLURM_JOB_NUM_NODES": "1"}
    command = ["bash", str(JOBS / "board.sbatch")]
    ended = subprocess.run(command, env=job, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "The board did not start, since Ray did not." in ended.stderr
