"""`evalboard evaluate` on real questions: the engine as a child, and as an actor that Ray places."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.settings import Settings, child_environment
from tests.pipeline.runs import DEADLINE_SECONDS, answers_in, of_program, wait_until

CHILD, RAYLET = "evalboard.engine.child_program", "raylet"


# A shell that starts tests in the background lets them, and what they start, ignore SIGINT.
AT_A_TERMINAL = """
import signal, sys
from evalboard.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""


def start(settings: Settings, model: str, output: Path) -> subprocess.Popen[bytes]:
    """Start an evaluation of three benchmarks."""
    command = [sys.executable, "-c", AT_A_TERMINAL, "evaluate", model, "--precision", "float32"]
    return subprocess.Popen(
        [*command, "--output", str(output)],
        env=child_environment(settings),
        stdout=subprocess.DEVNULL,
    )


def is_answering(settings: Settings) -> bool:
    """Return whether the answers to some questions are kept."""
    files = (settings.work_folder / "answers").glob("*.jsonl")
    return any(file.stat().st_size for file in files)


def test_answers_are_the_same_from_a_child_from_a_killed_one_and_from_engines_of_ray(
    configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite))
    run = start(settings, "test/random", tmp_path / "undisturbed")
    wait_until(lambda: is_answering(settings), run)
    assert len(of_program(run, CHILD)) == 1
    assert of_program(run, RAYLET) == []
    assert run.wait(DEADLINE_SECONDS) == 0
    undisturbed = answers_in(tmp_path / "undisturbed")
    assert sorted(map(len, undisturbed.values())) == [100, 135, 500]

    settings = configure(suite=str(small_suite), work=tmp_path / "killed")
    run = start(settings, "test/random", tmp_path / "disturbed")
    wait_until(lambda: is_answering(settings), run)
    (engine,) = of_program(run, CHILD)
    engine.kill()
    wait_until(lambda: of_program(run, CHILD) not in ([], [engine]), run)
    assert run.wait(DEADLINE_SECONDS) == 0
    assert answers_in(tmp_path / "disturbed") == undisturbed

    settings = configure(suite=str(small_suite), work=tmp_path / "placed", engine_slots=2)
    run = start(settings, "test/random", tmp_path / "two")
    wait_until(lambda: is_answering(settings), run)
    assert of_program(run, RAYLET)
    assert of_program(run, CHILD) == []
    assert run.wait(DEADLINE_SECONDS) == 0
    placed = answers_in(tmp_path / "two")
    assert placed.keys() == undisturbed.keys()
    for benchmark, rows in undisturbed.items():
        for one, other in zip(rows, placed[benchmark], strict=True):
            assert one["doc_hash"] == other["doc_hash"]
            assert one["loglikelihoods"] == pytest.approx(other["loglikelihoods"], abs=1e-4)


def test_a_model_that_fails_its_checks_leaves_no_process(
    configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    run = start(configure(suite=str(small_suite)), "test/pickled", tmp_path / "none")
    wait_until(lambda: len(of_program(run, CHILD)) == 1, run)
    (engine,) = of_program(run, CHILD)
    assert run.wait(DEADLINE_SECONDS) == 1
    assert not engine.is_running()
    assert not (tmp_path / "none").exists()


def test_ctrl_c_ends_the_engine_at_once(
    configure: Callable[..., Settings], small_suite: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite))
    run = start(settings, "test/random", tmp_path / "none")
    wait_until(lambda: is_answering(settings), run)
    (engine,) = of_program(run, CHILD)
    run.send_signal(signal.SIGINT)
    assert run.wait(DEADLINE_SECONDS) == 130
    assert not engine.is_running()
    assert not (tmp_path / "none").exists()
