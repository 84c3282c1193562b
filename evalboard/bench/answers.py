"""Read every answer of a program, and compare the answers of two programs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from evalboard.bench.cases import PLAIN, plain_task
from evalboard.errors import HarnessError
from evalboard.suites.model import Benchmark


class Answer(NamedTuple):
    """A program's answer to one question."""

    question: str
    """lm_eval's hash of it."""
    chosen: int | str
    """Number of the most probable choice, or the generated text."""
    correct: bool
    loglikelihoods: tuple[float, ...]
    """Log-likelihood of each choice, empty for generated text."""


Answers = Mapping[str, Sequence[Answer]]
"""By benchmark key, in the order of the questions."""


class Comparison(NamedTuple):
    """The differences between two programs' answers."""

    different: int
    """Questions that only one program asked, or that were answered or judged differently."""
    largest_difference: float
    """Of two log-likelihoods of the same choice; 0 where there are none."""


def compare(one: Answers, other: Answers) -> Comparison:
    """Compare every answer."""
    different, largest = 0, 0.0
    for benchmark in one.keys() | other.keys():
        mine, theirs = one.get(benchmark, ()), other.get(benchmark, ())
        different += abs(len(mine) - len(theirs))
        for a, b in zip(mine, theirs, strict=False):
            different += a[:3] != b[:3]
            if a.question == b.question:
                pairs = zip(a.loglikelihoods, b.loglikelihoods, strict=False)
                largest = max([largest, *(abs(x - y) for x, y in pairs if x != y)])
    return Comparison(different, largest)


def read_samples(folder: Path, benchmarks: Iterable[Benchmark]) -> dict[str, list[Answer]]:
    """Read the output of `lm_eval run --log_samples` below a folder.

    Raises:
        HarnessError: The output of a benchmark is missing.
    """
    return {
        benchmark.key: read_task(folder, plain_task(benchmark), benchmark.metric)
        for benchmark in benchmarks
    }


def read_details(folder: Path, benchmarks: Iterable[Benchmark]) -> dict[str, list[Answer]]:
    """Read the output of `evalboard evaluate --output` in a folder.

    Raises:
        HarnessError: The output of a benchmark is missing.
    """
    return {benchmark.key: _read_details(folder, benchmark) for benchmark in benchmarks}


def read_task(folder: Path, task: str, metric: str) -> list[Answer]:
    """Read the answers to a task in the order of its questions.

    Args:
        folder: With the output of `lm_eval run --log_samples`, at any depth.
        task: Name of the task in that run.
        metric: lm_eval's `{metric},{filter}`.

    Raises:
        HarnessError: The output of the task is missing.
    """
    # A time follows the name of the task, which may be the beginning of another task's.
    files = list(folder.rglob(f"samples_{task}_[0-9][0-9][0-9][0-9]-*.jsonl"))
    if len(files) != 1:
        raise _nothing_about(task.removeprefix(PLAIN), folder)
    metric, _, chain = metric.partition(",")
    samples = [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines()]
    chosen = [sample for sample in samples if sample["filter"] == (chain or "none")]
    return [_sampled(s, metric) for s in sorted(chosen, key=lambda sample: sample["doc_id"])]


def _sampled(sample: Mapping[str, Any], metric: str) -> Answer:
    """Return one answer of lm_eval, whose files hold numbers as text."""
    responses = sample["filtered_resps"]
    correct = sample[metric] == 1
    if not isinstance(responses[0], list):
        return Answer(sample["doc_hash"], str(responses[0]), correct, ())
    loglikelihoods = [float(response[0]) for response in responses]
    return Answer(sample["doc_hash"], _best(loglikelihoods), correct, tuple(loglikelihoods))


def _read_details(folder: Path, benchmark: Benchmark) -> list[Answer]:
    file = folder / f"{benchmark.key}.parquet"
    if not file.exists():
        raise _nothing_about(benchmark.key, folder)
    rows = pq.read_table(file).to_pylist()
    return [stored_answer(row) for row in sorted(rows, key=lambda row: row["question_id"])]


def stored_answer(row: Mapping[str, Any]) -> Answer:
    """Return one answer of ours, from its row in the file of answers."""
    loglikelihoods = row["loglikelihoods"]
    if not loglikelihoods:
        return Answer(row["doc_hash"], str(row["extracted"]), bool(row["correct"]), ())
    return Answer(
        row["doc_hash"], _best(loglikelihoods), bool(row["correct"]), tuple(loglikelihoods)
    )


def _best(loglikelihoods: Sequence[float]) -> int:
    return max(range(len(loglikelihoods)), key=loglikelihoods.__getitem__)


def _nothing_about(name: str, folder: Path) -> HarnessError:
    return HarnessError(f"The answers to {name!r} are missing from {str(folder)!r}.")
