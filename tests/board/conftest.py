"""A small suite, and result documents and requests made for it."""

from collections.abc import Callable
from typing import Any

import pytest

from evalboard.records.request import BoardBlock, HistoryEntry, RequestRecord, Status
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Benchmark, Suite


def _document(
    scores: dict[str, Any],
    suite: Suite,
    *,
    finished: str = "2026-11-21T10:00:00Z",
    stderr: Any = None,
    n: int = 100,
    asked: int | None = None,
    fewshot: dict[str, int] | None = None,
    version: Any = 1.0,
    task_hash: str = "hash",
    questions: str = "fingerprint",
    suite_name: str = "",
    **config: Any,
) -> ResultDocument:
    """Return a document with these scores by key, of benchmarks and of subjects.

    `asked` is the number of questions answered where it is not `n`; `config` goes into the
    document's model part.
    """
    entries = {b.task_name: b for whole in suite.benchmarks for b in (whole, *whole.subjects)}
    entries = {task: b for task, b in entries.items() if b.key in scores}
    taken = {task: b for task, b in entries.items() if not b.tasks}
    results: dict[str, dict[str, Any]] = {}
    for task, benchmark in entries.items():
        metric, _, chosen = benchmark.metric.partition(",")
        results[task] = {benchmark.metric: scores[benchmark.key], "alias": task}
        if stderr is not None:
            results[task][f"{metric}_stderr,{chosen}"] = stderr
    model = {
        "model_name": "org/model",
        "model_sha": "a" * 40,
        "model_dtype": "float16",
        "backend": "vllm",
        "backend_version": "0.32.0",
        "lm_eval_version": "0.4.13",
    }
    content = {
        "config": model | config,
        "results": results,
        "versions": dict.fromkeys(taken, version),
        "n-shot": {task: (fewshot or {}).get(b.key, b.num_fewshot) for task, b in taken.items()},
        "n-samples": {
            task: {"original": n, "effective": n if asked is None else asked} for task in taken
        },
        "task_hashes": dict.fromkeys(taken, task_hash),
        "configs": {},
        "evalboard": {
            "suite": suite_name or suite.name,
            "run_key": "key",
            "benchmark_keys": {},
            "dataset_fingerprints": dict.fromkeys(scores, questions),
            "finished_time": finished,
        },
    }
    return ResultDocument.model_validate(content)


def _request(
    model: str = "org/model",
    status: Status = Status.PENDING,
    *,
    history: tuple[tuple[Status, str, str], ...] = (),
    block: dict[str, Any] | None = None,
    **fields: Any,
) -> RequestRecord:
    """Return a request; `history` holds status, time and reason of each change."""
    entries = tuple(HistoryEntry(status=s, time=t, reason=r) for s, t, r in history)
    return RequestRecord(
        model=model,
        revision="0123456789abcdef",
        status=status,
        evalboard=BoardBlock(history=entries, **(block or {})),
        **fields,
    )


@pytest.fixture
def suite() -> Suite:
    """Two benchmarks; the second has a task name, a metric and few-shots of its own."""
    return Suite(
        name="small",
        title="Small board",
        benchmarks=(
            Benchmark(key="anatomy", title="Anatomy", baseline=0.25, group="Exams"),
            Benchmark(
                key="doses",
                title="Doses",
                task="dose_arithmetic",
                metric="exact_match,strict-match",
                num_fewshot=5,
            ),
        ),
    )


@pytest.fixture
def grouped_suite() -> Suite:
    """A benchmark and a group of two subjects."""
    return Suite(
        name="grouped",
        title="Grouped board",
        benchmarks=(
            Benchmark(key="doses", title="Doses"),
            Benchmark(
                key="mmlu",
                title="MMLU",
                tasks=("mmlu_anatomy", "mmlu_virology"),
                num_fewshot=5,
                baseline=0.25,
            ),
        ),
    )


@pytest.fixture
def grouped_document(grouped_suite: Suite) -> Callable[..., ResultDocument]:
    """Make result documents of the suite with a group."""

    def make(scores: dict[str, Any], **kwargs: Any) -> ResultDocument:
        return _document(scores, grouped_suite, **kwargs)

    return make


@pytest.fixture
def document_of() -> Callable[..., ResultDocument]:
    """Make result documents of any suite."""
    return _document


@pytest.fixture
def document(suite: Suite) -> Callable[..., ResultDocument]:
    """Make result documents of the suite."""

    def make(scores: dict[str, Any], **kwargs: Any) -> ResultDocument:
        return _document(scores, suite, **kwargs)

    return make


@pytest.fixture
def request_record() -> Callable[..., RequestRecord]:
    """Make requests."""
    return _request
