"""Run plain lm_eval on transformers: TASK MODEL_FOLDER QUESTIONS OUTPUT.

A program of its own: nothing of this project is imported. Only the place of the questions differs
from `lm_eval run --model hf --tasks TASK --model_args pretrained=MODEL_FOLDER,dtype=float32`.
"""

import json
import os
import sys
from pathlib import Path

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

task, model, questions, output = sys.argv[1:]
file = Path(os.environ["EVALBOARD_DATASETS"]) / f"{questions}.parquet"
local = {
    "task": task,
    "dataset_path": "parquet",
    "dataset_name": None,
    "dataset_kwargs": {"data_files": {file.stem: str(file)}},
    "training_split": None,
    "validation_split": None,
    "fewshot_split": None,
}
results = simple_evaluate(
    model="hf",
    model_args={"pretrained": model, "dtype": "float32", "device": "cpu"},
    tasks=[{"group": "plain", "task": [local]}],
    task_manager=TaskManager(),
    batch_size=8,
)
assert results is not None
samples = sorted(results["samples"][task], key=lambda sample: sample["doc_id"])
answers = [
    {
        "doc_hash": sample["doc_hash"],
        "correct": bool(sample["acc"] == 1),
        "loglikelihoods": [response[0] for response in sample["filtered_resps"]],
    }
    for sample in samples
]
Path(output).write_text(json.dumps(answers), encoding="utf-8")
