"""The answers of one benchmark, question by question, as a Parquet file."""

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pyarrow as pa
from lm_eval.api.task import ConfigurableTask

from evalboard.engine.benchmarks.answering import TaskText
from evalboard.engine.benchmarks.loaded import LoadedTask
from evalboard.reading.marks import read_columns
from evalboard.records.parquet import parquet_file
from evalboard.suites.model import Benchmark

Sample = Mapping[str, Any]
"""One question and its answer, as logged by lm_eval."""

SCHEMA = pa.schema(
    [
        ("question_id", pa.int64()),
        ("doc_hash", pa.string()),
        ("subject", pa.string()),
        ("target", pa.string()),
        ("answer", pa.string()),
        ("correct", pa.bool_()),
        ("earned", pa.float64()),
        ("choices", pa.list_(pa.string())),
        ("loglikelihoods", pa.list_(pa.float64())),
        ("is_greedy", pa.list_(pa.bool_())),
        ("is_tied", pa.bool_()),
        ("output", pa.string()),
        ("extracted", pa.string()),
        ("raw", pa.string()),
        ("ended", pa.string()),
        ("tokens", pa.int64()),
        ("thinking_opened", pa.bool_()),
        ("state", pa.string()),
        ("rule", pa.string()),
    ]
)
"""One row per question, in the order of the dataset; for a group, subject by subject."""

SUBJECT_COLUMNS = ("subject_name", "subject")
"""Fields in which datasets give the topic of a question."""


def details_file(
    benchmark: Benchmark, answered: Iterable[tuple[LoadedTask, Sequence[Sample]]]
) -> bytes:
    """Return the file.

    Args:
        benchmark: The benchmark.
        answered: Its tasks, each with questions and answers in order.
    """
    rows: list[dict[str, Any]] = []
    for loaded, samples in answered:
        subject = loaded.identity.task if benchmark.tasks else None
        rows += _rows(loaded.task, samples, benchmark.metric.partition(",")[0], subject)
    return parquet_file(pa.Table.from_pylist(rows, schema=SCHEMA))


def _rows(
    task: ConfigurableTask, samples: Sequence[Sample], metric: str, subject: str | None
) -> list[dict[str, Any]]:
    values = [sample.get(metric) for sample in samples]
    # Where one question's score is a fraction, no answer is simply right.
    yes_or_no = all(isinstance(value, Real) and value in (0, 1) for value in values)
    return [
        {
            "question_id": sample["doc_id"],
            "doc_hash": sample["doc_hash"],
            "subject": subject or _subject(sample["doc"]),
            "correct": bool(value) if yes_or_no else None,
            "earned": None if yes_or_no else _number(value),
            **_answer(task, sample, metric),
        }
        for sample, value in zip(samples, values, strict=True)
    ]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, Real) else None


def _subject(document: Mapping[str, Any]) -> str | None:
    return next((document[name] for name in SUBJECT_COLUMNS if document.get(name)), None)


def _answer(task: ConfigurableTask, sample: Sample, metric: str) -> dict[str, Any]:
    match task.OUTPUT_TYPE:
        case "multiple_choice":
            return _picked_choice(task, sample, metric)
        case "generate_until":
            extracted = str(sample["filtered_resps"][0])
            output = sample["resps"][0][0]
            return {
                "target": str(sample["target"]),
                "answer": extracted,
                "output": str(output),
                "extracted": extracted,
                **(_origin(output) if isinstance(output, TaskText) else {}),
            }
        case _:
            return {"target": str(sample["target"]), **_loglikelihoods(sample)}


def _origin(text: TaskText) -> dict[str, Any]:
    """Return the columns of what an answer was taken from, and of what was read."""
    made = text.made
    columns: dict[str, Any] = {
        "raw": made.raw,
        "ended": made.end,
        "tokens": made.tokens,
        "thinking_opened": text.thinking_opened,
    }
    return columns | (
        read_columns(text.readout.reading) | {"choices": list(text.readout.choices)}
        if text.readout
        else {}
    )


def _picked_choice(task: ConfigurableTask, sample: Sample, metric: str) -> dict[str, Any]:
    """Return the columns of a question whose answer is the metric's preferred choice.

    Where it prefers several alike, as happens in bfloat16, the first is the answer and the question
    is tied.
    """
    document = sample["doc"]
    choices = [str(choice) for choice in task.doc_to_choice(document)]
    columns = _loglikelihoods(sample)
    preferences = _preferences(columns["loglikelihoods"], choices, metric)
    # Where every choice has a context of its own, lm_eval takes the number of the right one as the
    # question's "text".
    gold = task.doc_to_text(document) if task.multiple_input else sample["target"]
    golds = gold if isinstance(gold, list) else [gold]
    best = np.max(preferences)
    return columns | {
        "target": ", ".join(
            choices[one] if isinstance(one, int) and one < len(choices) else str(one)
            for one in golds
        ),
        "answer": choices[int(np.argmax(preferences))],
        "choices": choices,
        "is_tied": bool(np.count_nonzero(preferences == best) > 1),
    }


def _preferences(loglikelihoods: list[float], choices: list[str], metric: str) -> Any:
    """Return the values by which a metric compares choices, as lm_eval does.

    https://github.com/EleutherAI/lm-evaluation-harness/blob/v0.4.13/lm_eval/api/task.py
    """
    values = np.array(loglikelihoods[: len(choices)])
    match metric:
        case "acc_norm":
            return values / [len(choice) for choice in choices]
        case "acc_bytes":
            return values / [len(choice.encode()) for choice in choices]
        case "acc_mutual_info":
            return values - loglikelihoods[len(choices) :]
        case _:
            return values


def _loglikelihoods(sample: Sample) -> dict[str, Any]:
    responses = [r if isinstance(r, tuple | list) else (r, None) for r in sample["filtered_resps"]]
    loglikelihoods = [float(value) for value, _ in responses]
    return {
        "loglikelihoods": loglikelihoods,
        "is_greedy": [None if greedy is None else bool(greedy) for _, greedy in responses],
    }
