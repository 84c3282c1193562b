"""Ask a loaded model one benchmark's questions, through lm_eval."""

import math
import time
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, NamedTuple

import numpy as np
from lm_eval.api.metrics import unweighted_mean_stderr
from lm_eval.api.model import LM
from lm_eval.defaults import DEFAULT_OTHER_SEED
from lm_eval.evaluator import evaluate
from lm_eval.utils import hash_string, set_torch_seed

from evalboard.engine.benchmarks.answering import TaskText
from evalboard.engine.benchmarks.details import Sample, details_file
from evalboard.engine.benchmarks.harness import seed_examples, set_seeds
from evalboard.engine.benchmarks.loaded import LoadedBenchmark, LoadedTask
from evalboard.engine.benchmarks.prompts import PROMPT_FORM
from evalboard.errors import HarnessError
from evalboard.reading.reader import READER
from evalboard.records.in_words import MEDIAN_TOKENS, P95_TOKENS
from evalboard.records.outcome import BenchmarkOutcome, TaskOutcome
from evalboard.suites.model import Benchmark


class BenchmarkScore(NamedTuple):
    """The outcome of one benchmark, with its answers."""

    outcome: BenchmarkOutcome
    answers: bytes
    """Answers as Parquet."""


def score(
    model: LM, loaded: LoadedBenchmark, *, key: str, limit: int | None, use_chat_template: bool
) -> BenchmarkScore:
    """Ask the questions and score the answers.

    Args:
        model: A loaded lm_eval model. It gets all questions of a kind, of all tasks, in one call.
        loaded: The benchmark. Its tasks cannot be used again.
        key: Identity of the score.
        limit: Number of questions to ask of each task, None for all.
        use_chat_template: Apply the model's chat template to prompts.

    Raises:
        HarnessError: lm_eval returned no result.
    """
    started = time.monotonic()
    benchmark = loaded.benchmark
    results = _evaluate(model, loaded, limit, use_chat_template)
    samples = [_of_one_filter(results, task, benchmark.metric) for task in loaded.tasks]
    tasks = tuple(
        _task_outcome(results, task, asked, benchmark.metric)
        for task, asked in zip(loaded.tasks, samples, strict=True)
    )
    answers = details_file(benchmark, list(zip(loaded.tasks, samples, strict=True)))
    outcome = BenchmarkOutcome(
        benchmark=benchmark.key,
        key=key,
        tasks=tasks,
        metrics=_mean(benchmark, tasks) if benchmark.tasks else tasks[0].metrics,
        num_fewshot=loaded.num_fewshot,
        dataset_fingerprint=loaded.dataset_fingerprint,
        seconds=time.monotonic() - started,
    )
    return BenchmarkScore(outcome, answers)


def _evaluate(
    model: LM, loaded: LoadedBenchmark, limit: int | None, use_chat_template: bool
) -> Mapping[str, Any]:
    """Run lm_eval as its `simple_evaluate` does.

    `simple_evaluate` would also collect a report on the machine, which takes half a second per
    benchmark and two seconds for the first.
    """
    set_seeds()
    set_torch_seed(DEFAULT_OTHER_SEED)
    seed_examples(loaded_task.task for loaded_task in loaded.tasks)
    results: Any = evaluate(
        lm=model,
        task_dict={"tasks": {t.identity.task: t.task for t in loaded.tasks}, "groups": {}},
        limit=limit,
        log_samples=True,
        apply_chat_template=use_chat_template,
        **PROMPT_FORM,
    )
    if not results:
        raise HarnessError(f"lm_eval returned no result for benchmark {loaded.benchmark.key!r}.")
    return results


def _of_one_filter(results: Mapping[str, Any], loaded: LoadedTask, metric: str) -> list[Sample]:
    """Return the questions and answers, in the order of the questions.

    A task can extract several answers from a model's text, each with its own filter.
    """
    wanted = metric.partition(",")[2] or "none"
    samples: Sequence[Sample] = results["samples"][loaded.identity.task]
    chosen = [sample for sample in samples if sample["filter"] == wanted]
    return sorted(chosen, key=lambda sample: sample["doc_id"])


def _task_outcome(
    results: Mapping[str, Any], loaded: LoadedTask, samples: Sequence[Sample], metric: str
) -> TaskOutcome:
    task = loaded.identity.task
    metrics = {
        name: value
        for name, value in results["results"][task].items()
        if not isinstance(value, float) or math.isfinite(value)
    }
    if metric not in metrics:
        raise HarnessError(
            f"Task {task!r} has no finite metric {metric!r}. Correct the suite to one of: "
            f"{', '.join(name for name in metrics if ',' in name)}."
        )
    texts = [text for sample in samples if isinstance(text := _text(sample), TaskText)]
    is_read = bool(texts) and all(text.readout for text in texts)
    return TaskOutcome(
        task=task,
        metrics=metrics | (_token_metrics(texts) if is_read else {}),
        reader=READER if is_read else "",
        version=results["versions"].get(task),
        n_original=loaded.n_original,
        n_effective=len(samples),
        task_hash=_task_hash(samples),
        config=loaded.config,
    )


def _text(sample: Sample) -> Any:
    return next(iter(next(iter(sample["resps"]), ())), None)


def _token_metrics(texts: Sequence[TaskText]) -> dict[str, float]:
    """Return the median and the 95th percentile of the generated tokens, where they are known."""
    tokens = [text.made.tokens for text in texts if text.made.tokens is not None]
    if not tokens:
        return {}
    median, p95 = np.percentile(tokens, [50, 95])
    return {MEDIAN_TOKENS: float(median), P95_TOKENS: float(p95)}


def _task_hash(samples: Sequence[Sample]) -> str:
    """Return lm_eval's own hash over questions, prompts and targets.

    Its `EvaluationTracker` computes it only for models that it created:
    https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/loggers/evaluation_tracker.py
    """
    return hash_string(
        "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples)
    )


def _mean(benchmark: Benchmark, subjects: Sequence[TaskOutcome]) -> dict[str, Any]:
    """Return a group's metrics, in the form of lm_eval's groups: every subject counts the same.

    The subjects have no questions in common, so the variance of the mean of k scores is the sum of
    their variances / k²; lm_eval computes it in the same way for groups with `weight_by_size:
    false` (`unweighted_mean_stderr`).
    """
    errors = [subject.metrics.get(benchmark.stderr_metric) for subject in subjects]
    numbers = [error for error in errors if isinstance(error, float)]
    known = len(numbers) == len(subjects)
    return {
        "name": benchmark.key,
        "alias": benchmark.key,
        "sample_len": sum(subject.n_effective for subject in subjects),
        benchmark.metric: fmean(subject.metrics[benchmark.metric] for subject in subjects),
        benchmark.stderr_metric: float(unweighted_mean_stderr(numbers)) if known else "N/A",
    }
