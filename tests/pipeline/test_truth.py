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

from evalboard.cli.queue_round import work
from evalboard.intake.submission import Submission, submit
from evalboard.records.precision import Precision
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board, open_store
from evalboard.stores.board import read_board
from tests.pipeline.questions import QUESTIONS, SLICE_ROWS, slice_and_whole

pytestmark = pytest.mark.usefixtures("prefect_server", "ray")


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


@pytest.mark.parametrize("datasets", slice_and_whole(SLICE_ROWS), indirect=True)
def test_always_a_scores_the_share_of_a_on_all_nine(
    configure: Callable[..., Settings], datasets: Path
) -> None:
    settings = configure(suite="open-medical", datasets=datasets)
    row = evaluate("test/always-a", settings)
    expected = {key: questions.share_of_first(datasets) for key, questions in QUESTIONS.items()}
    assert {benchmark: row[benchmark] for benchmark in QUESTIONS} == pytest.approx(
        expected, abs=1e-12
    )
    for key, questions in QUESTIONS.items():
        assert row[f"{key}__n"] == len(questions.read(datasets))
    assert row["average"] == pytest.approx(sum(expected.values()) / 9, abs=1e-12)
    assert row["complete"]
    assert row["backend"] == "vllm"


@pytest.mark.slow
@pytest.mark.parametrize("datasets", [None], indirect=True)
def test_answers_are_those_of_lm_eval_on_transformers(
    configure: Callable[..., Settings],
    datasets: Path,
    small_suite: Path,
    models: Path,
    tmp_path: Path,
) -> None:
    settings = configure(suite=str(small_suite), datasets=datasets)
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
    sources = [f"{benchmark}={QUESTIONS[benchmark].file}" for benchmark in benchmarks]
    command = [sys.executable, str(program), str(model), str(output), *sources]
    subprocess.run(command, check=True)
    return json.loads(output.read_text(encoding="utf-8"))
