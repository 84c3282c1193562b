"""A results store with answers, its requests, and a mirror of the questions, for a row of a board."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.identity import result_folder
from evalboard.records.request import (
    BoardBlock,
    Failure,
    HistoryEntry,
    RequestRecord,
    Status,
)
from evalboard.records.result import ModelConfig, Provenance, ResultDocument, Seconds
from leaderboard_app.prompts import doc_hash

SUITE = "open-medical"
LETTERS = ("A", "B", "C", "D")
SUBJECTS = ("Anatomy", "Surgery", "Skin")
TEMPLATE = "{{question.strip()}}\nA. {{choices[0]}}\nAnswer:"


def questions_of(task: str, n: int) -> list[dict[str, Any]]:
    """Return the questions of a data set, the same for every model."""
    return [
        {
            "question": f" Question {number} of {task}? <b>&amp;</b>",
            "choices": [f"choice {letter} of {number}" for letter in LETTERS],
            "answer": number % len(LETTERS),
            "subject_name": SUBJECTS[number % len(SUBJECTS)],
        }
        for number in range(n)
    ]


def write_mirror(folder: Path, task: str, n: int) -> dict[str, Any]:
    """Put a task's questions into a mirror; return its definition."""
    definition = {
        "task": task,
        "dataset_path": f"sets/{task}",
        "test_split": "test",
        "doc_to_text": TEMPLATE,
    }
    file = folder / "sets" / task / "default" / "test.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(questions_of(task, n)), file)
    return definition


def write_answers(
    results: Path, row: Mapping[str, Any], benchmark: str, right: Sequence[bool]
) -> Path:
    """Write a row's answers to a benchmark; returns the file."""
    generator = random.Random(f"{row['model']} {benchmark}")
    rows: list[dict[str, Any]] = []
    for number, question in enumerate(questions_of(benchmark, len(right))):
        gold = question["answer"]
        pick = gold if right[number] else (gold + 1) % len(LETTERS)
        loglikelihoods = [generator.uniform(-9, -3) for _ in LETTERS]
        loglikelihoods[pick] = -1.0
        rows.append(
            {
                "question_id": number,
                "doc_hash": doc_hash(question),
                "subject": question["subject_name"],
                "target": LETTERS[gold],
                "answer": LETTERS[pick],
                "correct": right[number],
                "choices": list(LETTERS),
                "loglikelihoods": loglikelihoods,
                "is_greedy": [False] * len(LETTERS),
                "output": None,
                "extracted": None,
            }
        )
    file = results / "details" / _folder(row) / f"{benchmark}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file


def write_document(
    results: Path,
    row: Mapping[str, Any],
    configs: Mapping[str, Mapping[str, Any]],
    **changes: Any,
) -> Path:
    """Write a row's result document; returns the file."""
    finished = changes.pop("finished_time", row["finished_time"])
    config = _config(row).model_copy(update=changes.pop("config", {}))
    document = ResultDocument.model_validate(
        {
            "config": config,
            "results": {},
            "versions": dict.fromkeys(configs, 1.0),
            "n-shot": dict.fromkeys(configs, 0),
            "n-samples": {task: {"original": 1, "effective": 1} for task in configs},
            "task_hashes": {task: f"hash-of-{task}" for task in configs},
            "configs": configs,
            "evalboard": Provenance(
                suite=SUITE,
                run_key="run",
                benchmark_keys=dict.fromkeys(configs, "k" * 64),
                dataset_fingerprints=dict.fromkeys(configs, "f" * 16),
                machine={"cpu": "a processor", "gpus": []},
                seconds=Seconds(load=2.0, score={task: 61.0 for task in configs}, total=65.0),
                command=f"evalboard evaluate {row['model']} --revision {row['sha']}",
                finished_time=finished,
            ).model_copy(update=changes),
        }
    )
    folder = result_folder(config.choice, SUITE)
    file = results / folder / f"results_{finished.replace(':', '-')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(document.to_json())
    return file


def write_request(requests: Path, row: Mapping[str, Any]) -> str:
    """Write the request of a row that failed once; returns its path in the store."""
    record = RequestRecord(
        model=row["model"],
        revision=row["sha"],
        precision=row["precision"],
        weight_type=row["weight_type"],
        status=Status.FINISHED,
        evalboard=BoardBlock(
            attempts=2,
            history=(
                HistoryEntry(status=Status.PENDING, time="2026-11-20T08:30:00Z"),
                HistoryEntry(
                    status=Status.FAILED, time="2026-11-20T09:00:00Z", reason="The GPU was full."
                ),
                HistoryEntry(status=Status.FINISHED, time="2026-11-20T09:45:10Z"),
            ),
            failure=Failure(code="out_of_memory", message="Too large.", log_tail="last line"),
        ),
    )
    file = requests / record.path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(record.to_json())
    return record.path


def entry_of(row: Mapping[str, Any], request: str) -> dict[str, Any]:
    """Return what `queue.json` says of the request."""
    return {
        "request": request,
        "model": row["model"],
        "sha8": row["sha"][:8],
        "precision": row["precision"],
        "status": "FINISHED",
        "attempts": 2,
        "reason": "as the queue has it",
    }


def _config(row: Mapping[str, Any]) -> ModelConfig:
    return ModelConfig(
        model_name=row["model"],
        model_sha=row["sha"],
        model_dtype=row["precision"],
        weight_type=row["weight_type"],
        use_chat_template=row["use_chat_template"],
        enable_thinking=row["enable_thinking"],
        backend="vllm",
        backend_version="0.32.0",
        lm_eval_version="0.4.13",
        torch_version="2.13.0",
    )


def _folder(row: Mapping[str, Any]) -> str:
    return result_folder(_config(row).choice, SUITE)
