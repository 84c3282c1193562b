"""Questions in four orders and without the question, through the engine, against a count by content."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from evalboard.cli import main
from evalboard.demo.models import make_random_model
from tests.engine.benchmarks.test_orders import DATA_SETS
from tests.pipeline.questions import cut

pytestmark = pytest.mark.slow

ROWS = 24
ORDERS = 4


def test_figures_of_a_random_model_are_those_of_its_choices(
    tmp_path: Path,
    real_datasets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    make_random_model(tmp_path / "random")
    cut(real_datasets, tmp_path / "questions", rows=ROWS)
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path / "questions"))
    monkeypatch.setenv("EVALBOARD_BACKEND", "hf")
    monkeypatch.setenv("EVALBOARD_OFFLINE", "true")
    words = ["--suite", "open-medical-robust", "--precision", "float32", "--json"]
    words += ["--benchmarks", "medqa_orders,medqa_blind", "--output", str(tmp_path / "out")]
    status = main(["evaluate", str(tmp_path / "random"), *words])
    written = capfd.readouterr()
    assert status == 0, written.err
    document: dict[str, Any] = json.loads(written.out)

    data_set = DATA_SETS["medqa"]
    questions = pq.read_table(tmp_path / "questions" / data_set.file).to_pylist()
    answers = pq.read_table(tmp_path / "out" / "medqa_orders.parquet").to_pylist()
    assert len(answers) == ORDERS * ROWS
    taken: list[list[str]] = [[] for _ in questions]
    places = [0] * 4
    for answer in answers:
        order = int(answer["subject"].removeprefix("medqa_order"))
        choices = data_set.choices(questions[answer["question_id"]])
        place = max(range(4), key=lambda at, found=answer: found["loglikelihoods"][at])
        taken[answer["question_id"]].append([*choices[order:], *choices[:order]][place])
        places[place] += 1
    gold = [data_set.choices(question)[data_set.right(question)] for question in questions]
    right = [[text == meant for text in texts] for texts, meant in zip(taken, gold, strict=True)]
    found = document["results"]["medqa_orders"]
    assert found["acc,none"] == pytest.approx(sum(map(sum, right)) / (ORDERS * ROWS))
    assert found["right_under_all,none"] == pytest.approx(sum(map(all, right)) / ROWS)
    assert found["flip_rate,none"] == sum(len(set(texts)) > 1 for texts in taken) / ROWS
    even = len(answers) / 4
    assert found["position_bias,none"] == pytest.approx(
        sum(abs(count - even) for count in places) / 2 / len(answers)
    )
    assert 0 < found["flip_rate,none"]
    assert document["n-samples"]["medqa_blind"]["effective"] == ROWS
