"""Scores that the model has for another suite, or in another row: each is evaluated once.

Suites share a benchmark where the key of the score is the same, and so do rows: a model that thinks ranks
choices as without thinking. The score and its answers are then copied, so each suite and each row has
documents and answers of its own.
"""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from evalboard.attempt.model import Attempt
from evalboard.board.scores import read_score
from evalboard.identity import document_folder
from evalboard.records.earned import AnswersName
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, TaskOutcome
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive
from evalboard.stores.results import StoredResult, score_keys
from evalboard.stores.work import WorkFolder
from evalboard.suites.loader import find_suite
from evalboard.suites.model import Benchmark


class _Shared(NamedTuple):
    """A score of another suite or row."""

    path: str
    document: ResultDocument
    benchmark: str
    """Its key there."""


def take_over(attempt: Attempt, plans: Collection[BenchmarkPlan]) -> set[str]:
    """Put what other suites and rows have of these benchmarks into the work folder, as if just finished.

    Args:
        attempt: The attempt, which is no trial.
        plans: Benchmarks of it that are not finished.

    Returns:
        The keys of the scores that this row or another one has.

    Raises:
        StoreError: The results cannot be read, or the work folder cannot be written.
    """
    settings = attempt.engine.settings
    archive = open_archive(settings)
    results = archive.read(model=attempt.record.model)
    own = score_keys(results.documents, attempt.result_folder)
    wanted = {plan.key: plan.benchmark for plan in plans if plan.key not in own}
    shared = {
        _answers_name(found): (key, found)
        for key, found in _newest(results.stored, wanted).items()
        if _is_alike(found, _benchmark(attempt, wanted[key]), settings)
    }
    taken: set[str] = set()
    work = WorkFolder(settings.work_folder)
    for name, answers in archive.contents(shared):
        key, found = shared[name]
        work.keep(_outcome(found, _benchmark(attempt, wanted[key]), key), answers)
        taken.add(key)
    return own | taken


def _newest(stored: Iterable[StoredResult], keys: Collection[str]) -> dict[str, _Shared]:
    """Return by key the scores whose answers are still stored: a newer document replaces them."""
    newest: dict[tuple[str, str], tuple[str, _Shared]] = {}
    documents = [(one.path, one.document) for one in stored if one.document]
    for path, document in sorted(documents, key=lambda one: one[1].evalboard.finished_time):
        folder = document_folder(document)
        for benchmark, key in document.evalboard.benchmark_keys.items():
            newest[folder, benchmark] = (key, _Shared(path, document, benchmark))
    return {key: found for key, found in newest.values() if key in keys}


def _benchmark(attempt: Attempt, key: str) -> Benchmark:
    (benchmark,) = attempt.suite.select((key,))
    return benchmark


def _is_alike(found: _Shared, benchmark: Benchmark, settings: Settings) -> bool:
    """Return whether the other suite has a whole score that counts the same answers as right.

    The key says what was asked; the metric, by which an answer is right, is the suite's.
    """
    suite = find_suite(found.document.evalboard.suite, settings)
    theirs = (
        next((b for b in suite.benchmarks if b.key == found.benchmark), None) if suite else None
    )
    if theirs is None or (theirs.metric, theirs.tasks) != (benchmark.metric, benchmark.tasks):
        return False
    return read_score(found.document, theirs) is not None


def _answers_name(found: _Shared) -> AnswersName:
    return AnswersName(document_folder(found.document), found.benchmark, by_subject=False)


def _outcome(found: _Shared, benchmark: Benchmark, key: str) -> BenchmarkOutcome:
    """Return what a document says of a score, as the outcome of this suite's benchmark."""
    document, ours = found.document, found.document.evalboard
    tasks = benchmark.tasks or (benchmark.task_name,)
    reader = ours.readers.get(found.benchmark, "")
    score = found.benchmark if benchmark.tasks else benchmark.task_name
    return BenchmarkOutcome(
        benchmark=benchmark.key,
        key=key,
        tasks=tuple(_task(document, task, reader) for task in tasks),
        metrics=document.results[score],
        num_fewshot=document.n_shot[tasks[0]],
        dataset_fingerprint=ours.dataset_fingerprints.get(found.benchmark, ""),
        seconds=0.0,
        taken_from=ours.taken_from.get(found.benchmark) or found.path,
    )


def _task(document: ResultDocument, task: str, reader: str) -> TaskOutcome:
    samples = document.n_samples[task]
    return TaskOutcome(
        task=task,
        metrics=document.results[task],
        version=document.versions.get(task, ""),
        n_original=samples.get("original", samples["effective"]),
        n_effective=samples["effective"],
        n_cut=samples.get("cut", 0),
        n_unfinished=samples.get("unfinished", 0),
        reader=reader,
        task_hash=document.task_hashes.get(task, ""),
        config=document.configs.get(task, {}),
    )
