"""`evalboard evaluate` on real questions: the engine as a child, and as an actor that Ray places."""

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.settings import Settings
from tests.pipeline.questions import SLICE_ROWS
from tests.pipeline.runs import (
    DEADLINE_SECONDS,
    answers_in,
    engines_of,
    let_go,
    of_program,
    start,
    wait_until,
)

RAYLET = "raylet"
Answers = dict[str, list[dict[str, Any]]]


def evaluate(
    settings: Settings, model: str, output: Path, hold: str, *, is_alone: bool = False
) -> subprocess.Popen[bytes]:
    """Start an evaluation of three benchmarks."""
    arguments = ("evaluate", model, "--precision", "float32", "--output", str(output))
    return start(settings, *arguments, hold=hold, is_alone=is_alone)


def answering(
    settings: Settings, output: Path, *, is_alone: bool = False
) -> subprocess.Popen[bytes]:
    """Start an evaluation that answers one benchmark; the others wait until it is let go."""
    run = evaluate(settings, "test/random", output, "evaluate=2,keep=1", is_alone=is_alone)
    answers = settings.work_folder / "answers"
    wait_until(lambda: any(file.stat().st_size for file in answers.glob("*.jsonl")), run)
    return run


def end(run: subprocess.Popen[bytes], settings: Settings, output: Path) -> Answers:
    """Let a run go on to its end, and return its answers."""
    let_go(settings)
    assert run.wait(DEADLINE_SECONDS) == 0
    return answers_in(output)


@pytest.fixture
def undisturbed(configure: Callable[..., Settings], small_suite: Path, tmp_path: Path) -> Answers:
    """The answers of a child."""
    settings = configure(suite=str(small_suite))
    run = answering(settings, tmp_path / "undisturbed", is_alone=True)
    assert len(engines_of(run)) == 1
    assert of_program(run, RAYLET) == []
    found = end(run, settings, tmp_path / "undisturbed")
    assert [len(rows) for rows in found.values()] == [SLICE_ROWS] * 3
    return found


@pytest.mark.slow
def test_a_killed_fork_answers_as_a_child(
    undisturbed: Answers, configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite), work=tmp_path / "killed")
    run = answering(settings, tmp_path / "disturbed")
    (engine,) = engines_of(run)
    engine.kill()
    assert end(run, settings, tmp_path / "disturbed") == undisturbed
    assert len(list((settings.work_folder / "logs").iterdir())) == 2  # one for each engine


@pytest.mark.slow
def test_engines_of_ray_answer_as_a_child(
    undisturbed: Answers, configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite), work=tmp_path / "placed", engine_slots=2)
    run = answering(settings, tmp_path / "two")
    assert of_program(run, RAYLET)
    assert engines_of(run)
    placed = end(run, settings, tmp_path / "two")
    assert placed.keys() == undisturbed.keys()
    for benchmark, rows in undisturbed.items():
        for one, other in zip(rows, placed[benchmark], strict=True):
            assert one["doc_hash"] == other["doc_hash"]
            assert one["loglikelihoods"] == pytest.approx(other["loglikelihoods"], abs=1e-4)


def test_a_model_that_fails_its_checks_leaves_no_process(
    configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite))
    run = evaluate(settings, "test/pickled", tmp_path / "none", "check=1")
    wait_until(lambda: len(engines_of(run)) == 1, run)
    (engine,) = engines_of(run)
    let_go(settings)
    assert run.wait(DEADLINE_SECONDS) == 1
    assert not engine.is_running()
    assert not (tmp_path / "none").exists()


def test_ctrl_c_ends_the_engine_at_once(
    configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite))
    run = answering(settings, tmp_path / "none")
    (engine,) = engines_of(run)
    run.send_signal(signal.SIGINT)
    wait_until(lambda: not engine.is_running(), run)
    let_go(settings)
    assert run.wait(DEADLINE_SECONDS) == 130
    assert not (tmp_path / "none").exists()
