"""The score of one benchmark in one result document."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from statistics import fmean
from typing import Any, NamedTuple

from evalboard.identity import base_identity, document_folder
from evalboard.records.in_words import InWords, in_words
from evalboard.records.result import ResultDocument
from evalboard.records.robustness import Robustness, robustness
from evalboard.records.spent import Spent
from evalboard.suites.model import Benchmark


class Origin(NamedTuple):
    """How a score was measured, as far as it is not part of the row's identity.

    Most scores of a benchmark have the same.
    """

    task_version: str
    task_hash: str
    questions: str
    """Fingerprint of the dataset."""
    backend: str
    backend_version: str
    lm_eval_version: str
    base: str
    """What the weights were put on, `{model}@{commit}`; empty for whole weights."""
    chat_template: str | None
    """Hash of the template, None without one."""
    reader: str = ""
    """Name of the reader of answers in words, with its version; empty for other answers."""


class Score(NamedTuple):
    """One benchmark of one row."""

    value: float
    """Fraction in [0, 1]."""
    stderr: float | None
    """None if the document has none."""
    n: int
    """Number of questions, at least 1. For a group, the sum over its subjects."""
    origin: Origin
    subjects: "tuple[Score, ...]" = ()
    """Subjects of a group, whose unweighted mean is the score, in the suite's order."""
    n_cut: int = 0
    """Number of questions of which the model did not see the beginning, being too long for it."""
    n_unfinished: int = 0
    """Number of questions that the model was still thinking about when its text ended."""
    in_words: InWords | None = None
    """Figures of answers in words; for a group the means over its subjects."""
    robustness: Robustness | None = None
    """Figures of a benchmark that asks its questions several times."""
    budget: int | None = None
    """Tokens that an answer could have, None where the model writes none."""
    finished_time: str = ""
    """When its document was finished; UTC, ISO 8601."""
    folder: str = ""
    """Folder of its document in the results store, and of its answers."""
    spent: Spent | None = None
    """What it has cost, where that is known."""


def read_score(document: ResultDocument, benchmark: Benchmark) -> Score | None:
    """Return the document's score on a benchmark, None if it has no valid one.

    A score is valid if it is a fraction in [0, 1], measured with the suite's number of shots on
    every question of the benchmark. The score of a group is valid if the scores of all its subjects
    are.
    """
    subjects = [read_score(document, subject) for subject in benchmark.subjects]
    counting = tuple(subject for subject in subjects if subject is not None)
    n = sum(subject.n for subject in counting) if subjects else _questions(document, benchmark)
    metrics = document.results.get(benchmark.task_name, {})
    value = _fraction(metrics.get(benchmark.metric))
    if value is None or n is None or len(counting) < len(subjects):
        return None
    stderr = _fraction(metrics.get(benchmark.stderr_metric))
    samples = [
        document.n_samples.get(task, {}) for task in benchmark.tasks or (benchmark.task_name,)
    ]
    n_cut, n_unfinished = (sum(s.get(name, 0) for s in samples) for name in ("cut", "unfinished"))
    return Score(
        value,
        stderr,
        n,
        _origin(document, benchmark),
        counting,
        n_cut,
        n_unfinished,
        _in_words(metrics, counting),
        robustness(metrics),
        _budget(document, benchmark),
        document.evalboard.finished_time,
        document_folder(document),
        document.spent(benchmark.key),
    )


def origins_of(scores: Mapping[str, Score]) -> tuple[tuple[str, Origin], ...]:
    """Return how the scores of a row were measured, each with the key of its benchmark."""
    return tuple([(key, score.origin) for key, score in scores.items()])


def _in_words(metrics: Mapping[str, Any], subjects: Sequence[Score]) -> InWords | None:
    """Return the figures of answers in words, None unless all subjects have them."""
    if not subjects:
        return in_words(metrics)
    known = [subject.in_words for subject in subjects if subject.in_words]
    return mean_of(known, [1.0] * len(known)) if len(known) == len(subjects) else None


def mean_of(figures: Sequence[InWords], weights: Sequence[float]) -> InWords | None:
    """Return the weighted mean of each figure, None without a weight."""
    if not sum(weights):
        return None
    return InWords(*(fmean(values, weights) for values in zip(*figures, strict=True)))


def _budget(document: ResultDocument, benchmark: Benchmark) -> int | None:
    """Return the smallest budget of a benchmark's tasks, as their configuration in the document says."""
    configs = [
        document.configs.get(task) or {} for task in benchmark.tasks or (benchmark.task_name,)
    ]
    named = [(config.get("generation_kwargs") or {}).get("max_gen_toks") for config in configs]
    return min((budget for budget in named if type(budget) is int), default=None)


def _questions(document: ResultDocument, benchmark: Benchmark) -> int | None:
    """Return the number of scored questions of a task, None if it differs from the suite's."""
    task = benchmark.task_name
    samples = document.n_samples.get(task, {})
    n = samples.get("effective", 0)
    if n < 1 or samples.get("original", n) != n:
        return None
    return n if document.n_shot.get(task) == benchmark.num_fewshot else None


def _origin(document: ResultDocument, benchmark: Benchmark) -> Origin:
    config, tasks = document.config, benchmark.tasks or (benchmark.task_name,)
    versions = [str(document.versions.get(task, "")) for task in tasks]
    origin = Origin(
        task_version=named_versions(versions),
        task_hash=" ".join(document.task_hashes.get(task, "") for task in tasks),
        questions=document.evalboard.dataset_fingerprints.get(benchmark.key, ""),
        backend=config.backend,
        backend_version=config.backend_version,
        lm_eval_version=config.lm_eval_version,
        base=base_identity(config.choice),
        chat_template=config.chat_template_sha,
        reader=document.evalboard.readers.get(benchmark.key, ""),
    )
    return shared(origin)


@lru_cache(maxsize=2**16)
def shared(origin: Origin) -> Origin:
    """Return the same object for equal origins: they take less memory, and are compared faster."""
    return origin


def named_versions(versions: Sequence[str]) -> str:
    """Return the versions of a benchmark's tasks as one text, equal ones once."""
    return ", ".join(dict.fromkeys(versions))


def _fraction(value: Any) -> float | None:
    """Return a number in [0, 1], None for anything else such as lm_eval's "N/A"."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value) if 0 <= value <= 1 else None
