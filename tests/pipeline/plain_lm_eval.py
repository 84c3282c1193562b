"""Run plain lm_eval on transformers: MODEL_FOLDER OUTPUT TASK=QUESTIONS...

A program of its own: nothing of this project is imported. Only the place of the questions differs
from `lm_eval run --model hf --model_args pretrained=MODEL_FOLDER,dtype=float32 --tasks TASK`.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from lm_eval.evaluator import simple_evaluate
from lm_eval.tasks import TaskManager

model, output, *sources = sys.argv[1:]


def local(task: str, questions: str) -> dict[str, Any]:
    """Return the task with its questions read from the mirror."""
    file = Path(os.environ["EVALBOARD_DATASETS"]) / f"{questions}.parquet"
    return {
        "task": task,
        "dataset_path": "parquet",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {file.stem: str(file)}},
        "training_split": None,
        "validation_split": None,
        "fewshot_split": None,
    }


def answers(samples: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return one list per column, in the order of the questions."""
    ordered = sorted(samples, key=lambda sample: sample["doc_id"])
    return {
        "doc_hash": [sample["doc_hash"] for sample in ordered],
        "correct": [bool(sample["acc"] == 1) for sample in ordered],
        "loglikelihoods": [[r[0] for r in sample["filtered_resps"]] for sample in ordered],
    }


results: Any = simple_evaluate(
    model="hf",
    model_args={"pretrained": model, "dtype": "float32", "device": "cpu"},
    tasks=[{"group": "plain", "task": [local(*source.split("=")) for source in sources]}],
    task_manager=TaskManager(),
    batch_size=8,
)
tables = {task: answers(samples) for task, samples in results["samples"].items()}
Path(output).write_text(json.dumps(tables), encoding="utf-8")
