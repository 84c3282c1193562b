"""Read stored answers in words again, by the reader of this version. No model is asked.

Documents and answers are changed in place: they stay those of the evaluation, and `evalboard.readers`
says who has read them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple

import pyarrow as pa

from evalboard.errors import EvalboardError, RecordError
from evalboard.metrics.rounds import repeated_metrics
from evalboard.reading.answers import Reading, Unread
from evalboard.reading.marks import METRICS, marks, read_columns
from evalboard.reading.reader import READER, read
from evalboard.records.answers import Answers
from evalboard.records.parquet import parquet_file
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from evalboard.stores.results import Changed, StoredResult
from evalboard.suites.loader import find_suite
from evalboard.suites.model import Benchmark

NEEDED = ("output", "raw", "ended", "choices", "target")
"""Columns of answers that can be read again."""


class Reread(NamedTuple):
    """One document whose answers were to be read again."""

    path: str
    document: ResultDocument
    benchmarks: tuple[str, ...]
    problem: str = ""
    """Why nothing was changed, empty if the answers were read."""


def reread(settings: Settings) -> Iterator[Reread]:
    """Read all answers in words that another reader has read, document by document.

    Of several documents with answers to the same benchmark, the newest is changed: the answers of
    the others are no longer stored.

    Yields:
        What was done, as soon as it is stored.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
        StoreError: The results cannot be read.
    """
    archive = open_archive(settings)
    for path, document, keys in _outdated(archive.read().stored):
        suite = find_suite(document.evalboard.suite, settings)
        known = {b.key: b for b in suite.benchmarks if b.key in keys} if suite else {}
        if len(known) < len(keys):
            problem = (
                f"Its suite {document.evalboard.suite!r} has other benchmarks now, or is not here."
            )
            yield Reread(path, document, keys, problem)
            continue
        try:
            archive.change(path, keys, lambda doc, found, known=known: _read(doc, found, known))
        except EvalboardError as exc:
            yield Reread(path, document, keys, exc.message)
        else:
            yield Reread(path, document, keys)


def _outdated(
    stored: Sequence[StoredResult],
) -> Iterator[tuple[str, ResultDocument, tuple[str, ...]]]:
    """Yield documents with the benchmarks of which they have the answers, read by another reader."""
    newest: dict[tuple[str, str], str] = {}
    documents = [(s.path, s.document) for s in stored if s.document is not None]
    documents.sort(key=lambda one: one[1].evalboard.finished_time)
    for path, document in documents:
        folder = path.rpartition("/")[0]
        newest |= {(folder, key): path for key in document.evalboard.benchmark_keys}
    for path, document in documents:
        folder = path.rpartition("/")[0]
        keys = tuple(
            key
            for key, reader in document.evalboard.readers.items()
            if reader != READER and newest.get((folder, key)) == path
        )
        if keys:
            yield path, document, keys


def _read(
    document: ResultDocument, answers: Mapping[str, Answers], benchmarks: Mapping[str, Benchmark]
) -> Changed:
    """Return a document and its answers as this reader reads them."""
    results = {task: dict(metrics) for task, metrics in document.results.items()}
    files: dict[str, bytes] = {}
    for key, benchmark in benchmarks.items():
        table, earned = _read_table(answers[key].table, benchmark)
        files[key] = parquet_file(table)
        for task, rows in earned.items():
            results.setdefault(task, {}).update(_means(rows))
        if benchmark.tasks:
            results[benchmark.key].update(_mean_of_subjects(benchmark, results))
            read_again = Answers.from_parquet(files[key], path=key)
            results[benchmark.key].update(repeated_metrics(benchmark, read_again))
    readers = document.evalboard.readers | dict.fromkeys(benchmarks, READER)
    provenance = document.evalboard.model_copy(update={"readers": readers})
    return document.model_copy(update={"results": results, "evalboard": provenance}), files


def _read_table(
    table: pa.Table, benchmark: Benchmark
) -> tuple[pa.Table, dict[str, list[dict[str, float]]]]:
    """Return answers as this reader reads them, and what each question earned, by task."""
    if missing := [name for name in NEEDED if name not in table.column_names]:
        raise RecordError(
            f"The answers to {benchmark.key!r} cannot be read again: they have no column "
            f"{missing[0]!r}. Evaluate the model again."
        )
    metric = benchmark.metric.partition(",")[0]
    rows = table.to_pylist()
    earned: dict[str, list[dict[str, float]]] = {}
    for row in rows:
        reading = _read_row(row, benchmark)
        found = marks(reading, row["target"])
        earned.setdefault(row["subject"] if benchmark.tasks else benchmark.task_name, []).append(
            found
        )
        row |= {"correct": bool(found[metric]), **read_columns(reading)}
    return pa.Table.from_pylist(rows, schema=table.schema), earned


def _read_row(row: Mapping[str, Any], benchmark: Benchmark) -> Reading:
    if not row["choices"]:
        raise RecordError(
            f"The answers to {benchmark.key!r} cannot be read again: question {row['question_id']} "
            "is stored without its choices. Evaluate the model again."
        )
    return read(
        Unread.stored(
            row["output"] or "",
            row["raw"],
            row["ended"],
            tuple(row["choices"]),
            thinking_opened=row.get("thinking_opened"),
        )
    )


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the metrics of a task with their standard errors, as lm_eval computes them.

    `mean_stderr` in lm_eval/api/metrics.py: the sample's standard deviation / √n.
    """
    found: dict[str, float] = {}
    for name in METRICS:
        values = [row[name] for row in rows]
        found[f"{name},none"] = fmean(values)
        if len(values) > 1:
            found[f"{name}_stderr,none"] = stdev(values) / math.sqrt(len(values))
    return found


def _mean_of_subjects(
    benchmark: Benchmark, results: Mapping[str, Mapping[str, Any]]
) -> dict[str, float]:
    """Return a group's metric and its standard error: every subject counts the same."""
    values = [results[task][benchmark.metric] for task in benchmark.tasks]
    errors = [results[task].get(benchmark.stderr_metric) for task in benchmark.tasks]
    found = {benchmark.metric: fmean(values)}
    numbers = [error for error in errors if isinstance(error, int | float)]
    if len(numbers) == len(errors):
        found[benchmark.stderr_metric] = math.sqrt(sum(e * e for e in numbers)) / len(numbers)
    return found
