"""One benchmark's score, as one result document gives it."""

import math
from typing import Any, NamedTuple

from evalboard.records.result import ResultDocument
from evalboard.suites.model import Benchmark


class Origin(NamedTuple):
    """What made a score, as far as it is not the row's own identity."""

    finished_time: str
    """UTC, ISO 8601."""
    task_version: str
    task_hash: str
    questions: str
    """Fingerprint of the data set."""
    backend: str
    backend_version: str
    lm_eval_version: str
    base_model: str
    chat_template: str | None
    """Hash of the template, None without one."""


class Score(NamedTuple):
    """One benchmark of one row."""

    value: float
    """Fraction in [0, 1]."""
    stderr: float | None
    """None where the document gives none."""
    n: int
    """Questions, at least 1."""
    origin: Origin


def read_score(document: ResultDocument, benchmark: Benchmark) -> Score | None:
    """Return the document's score on a benchmark, None where it has none that counts.

    A score counts when it is a fraction in [0, 1], taken with the suite's number of few-shots on
    every question of the benchmark.
    """
    task = benchmark.task_name
    metrics = document.results.get(task, {})
    value = _fraction(metrics.get(benchmark.metric))
    samples = document.n_samples.get(task, {})
    n = samples.get("effective", 0)
    if value is None or n < 1 or samples.get("original", n) != n:
        return None
    if document.n_shot.get(task) != benchmark.num_fewshot:
        return None
    return Score(
        value,
        _fraction(metrics.get(_stderr_key(benchmark.metric))),
        n,
        _origin(document, benchmark),
    )


def _origin(document: ResultDocument, benchmark: Benchmark) -> Origin:
    config, task = document.config, benchmark.task_name
    return Origin(
        finished_time=document.evalboard.finished_time,
        task_version=str(document.versions.get(task, "")),
        task_hash=document.task_hashes.get(task, ""),
        questions=document.evalboard.dataset_fingerprints.get(benchmark.key, ""),
        backend=config.backend,
        backend_version=config.backend_version,
        lm_eval_version=config.lm_eval_version,
        base_model=config.base_model,
        chat_template=config.chat_template_sha,
    )


def _stderr_key(metric: str) -> str:
    """Return `acc_stderr,none` for `acc,none`."""
    name, comma, rest = metric.partition(",")
    return f"{name}_stderr{comma}{rest}"


def _fraction(value: Any) -> float | None:
    """Return a number in [0, 1], None for anything else; lm_eval writes "N/A" where it has none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None
