"""Ask a loaded model one benchmark's questions, through lm_eval."""

import io
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from lm_eval.api.model import LM
from lm_eval.evaluator import simple_evaluate
from lm_eval.utils import hash_string

from evalboard.engine.tasks import LoadedTask
from evalboard.errors import HarnessError
from evalboard.records.outcome import BenchmarkOutcome

ANSWER_SCHEMA = pa.schema(
    [
        ("question_id", pa.int64()),
        ("doc_hash", pa.string()),
        ("subject", pa.string()),
        ("target", pa.string()),
        ("answer", pa.string()),
        ("correct", pa.bool_()),
        ("choices", pa.list_(pa.string())),
        ("loglikelihoods", pa.list_(pa.float64())),
        ("is_greedy", pa.list_(pa.bool_())),
        ("output", pa.string()),
        ("extracted", pa.string()),
    ]
)
"""Columns of a details file: one row per question, in the order of the dataset."""

SUBJECT_COLUMNS = ("subject_name", "subject")


class Scored(NamedTuple):
    """One finished benchmark and its answers, as Parquet."""

    outcome: BenchmarkOutcome
    answers: bytes


def score(
    model: LM, loaded: LoadedTask, *, key: str, limit: int | None, use_chat_template: bool
) -> Scored:
    """Ask the questions and score the answers.

    Args:
        model: A loaded lm_eval model.
        loaded: The benchmark; its task is used up.
        key: Identity of the score.
        limit: Ask only the first so many questions.
        use_chat_template: Wrap prompts into the model's chat template.

    Raises:
        HarnessError: lm_eval gave nothing, or the model's log-probabilities are not finite.
    """
    started = time.monotonic()
    task = loaded.benchmark.task_name
    results: Any = simple_evaluate(
        model=model,
        tasks=[loaded.task],
        # Without one, lm_eval makes one and reads 14,000 files that are not needed.
        task_manager=loaded.manager,
        num_fewshot=loaded.identity.num_fewshot,
        limit=limit,
        log_samples=True,
        apply_chat_template=use_chat_template,
    )
    if not results or task not in results["results"]:
        raise HarnessError(f"lm_eval returned no result for task {task!r}.")
    samples = _of_one_filter(results["samples"][task], loaded.benchmark.metric)
    metrics = {
        name: value
        for name, value in results["results"][task].items()
        if not isinstance(value, float) or math.isfinite(value)
    }
    if loaded.benchmark.metric not in metrics:
        raise HarnessError(
            f"Task {task!r} has no finite metric {loaded.benchmark.metric!r}; it has: "
            f"{', '.join(name for name in metrics if ',' in name)}. Correct the suite."
        )
    outcome = BenchmarkOutcome(
        benchmark=loaded.benchmark.key,
        key=key,
        task=task,
        metrics=metrics,
        version=results["versions"].get(task),
        num_fewshot=loaded.identity.num_fewshot,
        n_original=loaded.n_original,
        n_effective=len(samples),
        task_hash=_task_hash(samples),
        config=loaded.config,
        dataset_fingerprint=loaded.identity.dataset_fingerprint,
        seconds=time.monotonic() - started,
    )
    return Scored(outcome, _parquet(samples, loaded.benchmark.metric))


def _of_one_filter(samples: Sequence[Mapping[str, Any]], metric: str) -> list[Mapping[str, Any]]:
    wanted = metric.partition(",")[2] or "none"
    chosen = [sample for sample in samples if sample["filter"] == wanted]
    return sorted(chosen, key=lambda sample: sample["doc_id"])


def _task_hash(samples: Sequence[Mapping[str, Any]]) -> str:
    """Return lm_eval's own hash over questions, prompts and targets.

    Its `EvaluationTracker` computes it only for models that it made itself:
    https://github.com/EleutherAI/lm-evaluation-harness/blob/main/lm_eval/loggers/evaluation_tracker.py
    """
    return hash_string(
        "".join(s["doc_hash"] + s["prompt_hash"] + s["target_hash"] for s in samples)
    )


def _parquet(samples: Sequence[Mapping[str, Any]], metric: str) -> bytes:
    rows = [_answer(sample, metric) for sample in samples]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=ANSWER_SCHEMA), sink, compression="zstd")
    return sink.getvalue()


def _answer(sample: Mapping[str, Any], metric: str) -> dict[str, Any]:
    document = sample["doc"]
    value = sample.get(metric.partition(",")[0])
    row: dict[str, Any] = {
        "question_id": sample["doc_id"],
        "doc_hash": sample["doc_hash"],
        "subject": next((document[c] for c in SUBJECT_COLUMNS if document.get(c)), None),
        "correct": bool(value == 1) if isinstance(value, int | float) else None,
    }
    responses = sample["filtered_resps"]
    if responses and isinstance(responses[0], tuple | list):
        return row | _choice_answer(sample, responses)
    output = sample["resps"][0][0] if sample["resps"] else None
    extracted = responses[0] if responses else None
    return row | {
        "target": str(sample["target"]),
        "answer": str(extracted),
        "output": str(output),
        "extracted": str(extracted),
    }


def _choice_answer(sample: Mapping[str, Any], responses: Sequence[Any]) -> dict[str, Any]:
    """Return the columns of a question that is answered by the most probable choice."""
    choices = [str(arguments[1]).strip() for arguments in sample["arguments"]]
    loglikelihoods = [float(response[0]) for response in responses]
    if not all(math.isfinite(value) for value in loglikelihoods):
        raise HarnessError(
            f"The model gave log-probabilities that are not finite on question "
            f"{sample['doc_id']}. Weights stored in bfloat16 or float32 can overflow in float16: "
            "submit the model in bfloat16 or float32."
        )
    target = sample["target"]
    gold = choices[target] if isinstance(target, int) and target < len(choices) else target
    best = max(range(len(choices)), key=loglikelihoods.__getitem__)
    return {
        "target": str(gold),
        "answer": choices[best],
        "choices": choices,
        "loglikelihoods": loglikelihoods,
        "is_greedy": [bool(response[1]) for response in responses],
    }
