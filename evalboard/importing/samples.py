"""A score of lm-eval against its file of answers."""

import json
from pathlib import Path
from statistics import fmean
from typing import Any

from evalboard.importing.values import Note, number
from evalboard.records.reported import ReportedRow
from evalboard.suites.model import Benchmark, Suite

TOLERANCE = 1e-6
"""Between a score and the mean of its answers."""


def check_samples(results: Path, row: ReportedRow, suite: Suite, note: Note) -> None:
    """Compare the scores of a result file with the answers beside it, and note what was found.

    Args:
        results: The file `results_{time}.json`; the answers are in `samples_{task}_{time}.jsonl`.
        row: What was read of it.
        suite: Whose benchmarks were read.
        note: Is told the outcome for each benchmark with answers.
    """
    time = results.stem.removeprefix("results_")
    for benchmark in suite.benchmarks:
        file = results.with_name(f"samples_{benchmark.task_name}_{time}.jsonl")
        if benchmark.key in row.scores and file.is_file():
            _compare(file, row.scores[benchmark.key].value, benchmark, note)


def _compare(file: Path, score: float, benchmark: Benchmark, note: Note) -> None:
    try:
        values = _values(file, benchmark.metric)
    except (ValueError, OSError) as exc:
        note(f"The answers {file.name!r} cannot be read: {exc}.")
        return
    if not values:
        note(f"The answers {file.name!r} have no {benchmark.metric!r}.")
        return
    mean = fmean(values)
    outcome = "as reported" if abs(mean - score) <= TOLERANCE else f"but {score:.6g} is reported"
    note(f"{benchmark.key!r}: the mean of its {len(values)} answers is {mean:.6g}, {outcome}.")


def _values(file: Path, metric: str) -> list[float]:
    name, _, chain = metric.partition(",")
    lines = file.read_text(encoding="utf-8").splitlines()
    samples: list[dict[str, Any]] = [json.loads(line) for line in lines if line.strip()]
    chosen = [s for s in samples if s.get("filter", "none") == (chain or "none")]
    found = (number(sample.get(name)) for sample in chosen)
    return [value for value in found if value is not None]
