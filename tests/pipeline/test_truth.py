"""Scores on real questions, through queue and flows to the board, against what they must be."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalboard.cli.run import work
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.board import read_board
from evalboard.stores.opening import open_board, open_store

pytestmark = pytest.mark.usefixtures("prefect_server", "ray")

QUESTIONS = {
    "medmcqa": ("openlifescienceai/medmcqa/default/validation", "cop", 0),
    "medqa_4options": ("GBaker/MedQA-USMLE-4-options-hf/default/test", "label", 0),
    "mmlu_anatomy": ("cais/mmlu/anatomy/test", "answer", 0),
    "mmlu_clinical_knowledge": ("cais/mmlu/clinical_knowledge/test", "answer", 0),
    "mmlu_college_biology": ("cais/mmlu/college_biology/test", "answer", 0),
    "mmlu_college_medicine": ("cais/mmlu/college_medicine/test", "answer", 0),
    "mmlu_medical_genetics": ("cais/mmlu/medical_genetics/test", "answer", 0),
    "mmlu_professional_medicine": ("cais/mmlu/professional_medicine/test", "answer", 0),
    "pubmedqa": (
        "bigbio/pubmed_qa/pubmed_qa_labeled_fold0_source/test",
        "final_decision",
        "yes",
    ),
}
"""Of each benchmark: its file in the mirror, the column of the gold answer, and the value there
that stands for A (or yes)."""


def share_of_a(benchmark: str, datasets: Path) -> float:
    file, column, value = QUESTIONS[benchmark]
    return float((pd.read_parquet(datasets / f"{file}.parquet")[column] == value).mean())


def evaluate(model: str, settings: Settings) -> dict[str, Any]:
    """Submit a model, work on the queue, and return its row on the board."""
    submitted = submit(Submission(model=model, precision=Precision.FLOAT32), settings)
    assert [(e.path, e.status) for e in work(settings)] == [
        (submitted.request_path, Status.FINISHED)
    ]
    frame = read_board(open_board(settings)).frame
    (row,) = frame.to_dict("records")
    assert row["model"] == model
    return {str(column): value for column, value in row.items()}


def test_always_a_scores_the_share_of_a_on_all_nine(
    configure: Callable[..., Settings], real_datasets: Path
) -> None:
    settings = configure(suite="open-medical")
    row = evaluate("test/always-a", settings)
    expected = {benchmark: share_of_a(benchmark, real_datasets) for benchmark in QUESTIONS}
    assert {benchmark: row[benchmark] for benchmark in QUESTIONS} == pytest.approx(
        expected, abs=1e-12
    )
    assert sum(row[f"{benchmark}__n"] for benchmark in QUESTIONS) == 7045
    assert row["average"] == pytest.approx(sum(expected.values()) / 9, abs=1e-12)
    assert row["complete"]
    assert row["backend"] == "vllm"


def test_answers_are_those_of_lm_eval_on_transformers(
    configure: Callable[..., Settings], small_suite: Path, models: Path, tmp_path: Path
) -> None:
    settings = configure(suite=str(small_suite))
    row = evaluate("test/random", settings)
    snapshot = open_store(settings.store_address("results"), settings).snapshot()
    answers = {Path(path).stem: path for path in snapshot.files if path.endswith(".parquet")}
    assert sorted(answers) == ["mmlu_anatomy", "mmlu_medical_genetics", "pubmedqa"]
    plain = _plain_lm_eval(list(answers), models / "test" / "random", tmp_path)
    for benchmark, path in answers.items():
        ours, theirs = pd.read_parquet(io.BytesIO(snapshot.read(path))), plain[benchmark]
        assert list(ours["doc_hash"]) == theirs["doc_hash"]
        assert list(ours["correct"]) == theirs["correct"]
        assert row[benchmark] == sum(theirs["correct"]) / len(theirs["correct"])
        for mine, expected in zip(ours["loglikelihoods"], theirs["loglikelihoods"], strict=True):
            assert mine == pytest.approx(expected, abs=1e-4)


def _plain_lm_eval(benchmarks: list[str], model: Path, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the answers of lm_eval's own HF class, from a process without this project's code."""
    output = folder / "plain.json"
    program = Path(__file__).with_name("plain_lm_eval.py")
    sources = [f"{benchmark}={QUESTIONS[benchmark][0]}" for benchmark in benchmarks]
    command = [sys.executable, str(program), str(model), str(output), *sources]
    subprocess.run(command, check=True)
    return json.loads(output.read_text(encoding="utf-8"))
