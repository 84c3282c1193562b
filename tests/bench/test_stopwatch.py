import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalboard.bench import stopwatch

EVALUATOR = """
def evaluate(lm, count=1):
    for _ in range(count):
        lm.loglikelihood([])
    return lm.generate_until(["a"])
"""
PROGRAM = """
import lm_eval.evaluator

class Model:
    def loglikelihood(self, requests):
        return []
    def loglikelihood_rolling(self, requests):
        return []
    def generate_until(self, requests):
        return [text.upper() for text in requests]

model = Model()
assert lm_eval.evaluator.evaluate(lm=model, count=2) == ["A"]
assert lm_eval.evaluator.evaluate(model) == ["A"]
"""


@pytest.mark.parametrize(
    ("intervals", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.5)], 2.5),
        ([(5.0, 6.0), (1.0, 2.0)], 2.0),
        ([(1.0, 3.0), (2.0, 4.0)], 3.0),
        ([(1.0, 9.0), (2.0, 3.0), (4.0, 5.0)], 8.0),
        ([(1.0, 2.0), (2.0, 3.0)], 2.0),
    ],
)
def test_overlapping_intervals_count_once(
    intervals: list[tuple[float, float]], seconds: float
) -> None:
    assert stopwatch.union_seconds(intervals) == seconds


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted)))
def test_the_union_counts_every_covered_second(pairs: list[list[int]]) -> None:
    covered = {second for start, end in pairs for second in range(start, end)}
    assert stopwatch.union_seconds([(start, end) for start, end in pairs]) == len(covered)


def run_timed(folder: Path, program: str) -> None:
    """Run a program with the stopwatch, and a package that looks like lm_eval's evaluator."""
    package = folder / "packages" / "lm_eval"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "evaluator.py").write_text(EVALUATOR, encoding="utf-8")
    path = os.pathsep.join((str(folder / "watch"), str(folder / "packages")))
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True)


def test_every_answering_is_timed_once(tmp_path: Path) -> None:
    stopwatch.install(tmp_path / "watch")
    run_timed(tmp_path, PROGRAM)
    intervals = stopwatch.read_intervals(tmp_path / "watch")
    assert len(intervals) == 5
    assert all(start <= end for start, end in intervals)
    assert intervals == sorted(intervals)


def test_an_answering_that_fails_is_timed(tmp_path: Path) -> None:
    stopwatch.install(tmp_path / "watch")
    failing = PROGRAM.replace("return [text.upper()", "raise ValueError; [text.upper()")
    with pytest.raises(subprocess.CalledProcessError):
        run_timed(tmp_path, failing)
    assert len(stopwatch.read_intervals(tmp_path / "watch")) == 3


def test_processes_that_a_timed_one_starts_are_timed(tmp_path: Path) -> None:
    stopwatch.install(tmp_path / "watch")
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {PROGRAM!r}])"
    run_timed(tmp_path, starter)
    assert len(stopwatch.read_intervals(tmp_path / "watch")) == 5


def test_a_program_without_a_model_leaves_no_interval(tmp_path: Path) -> None:
    stopwatch.install(tmp_path / "watch")
    run_timed(tmp_path, "import json")
    assert stopwatch.read_intervals(tmp_path / "watch") == []


def test_the_module_that_it_hides_runs_too(tmp_path: Path) -> None:
    stopwatch.install(tmp_path / "watch")
    hidden = tmp_path / "packages" / "sitecustomize.py"
    hidden.parent.mkdir()
    hidden.write_text("import json\njson.hidden = 'ran'\n", encoding="utf-8")
    shown = tmp_path / "shown.json"
    path = os.pathsep.join((str(tmp_path / "watch"), str(hidden.parent)))
    program = (
        f"import json, pathlib; pathlib.Path({str(shown)!r}).write_text(json.dumps(json.hidden))"
    )
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=True)
    assert json.loads(shown.read_text(encoding="utf-8")) == "ran"
