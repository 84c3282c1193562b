"""Questions that are asked several times, through the engine, against a count of the answers."""

import json
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pyarrow.parquet as pq
import pytest

from evalboard.cli import main
from evalboard.demo.models import make_random_model
from evalboard.suites.loader import load_suite
from tests.engine.benchmarks.test_orders import DATA_SETS
from tests.model_folders import CARD
from tests.pipeline.questions import cut
from tests.thinkers import write_chains

pytestmark = pytest.mark.slow

ROWS = 24
ORDERS = 4


ROBUST, REPEATS = load_suite("open-medical-robust"), load_suite("open-medical-cot-repeats")
THOUGHT = "<think>A or B?</think>"
CHAINS = (("<|on|>", THOUGHT, "\n\nAnswer: A"), (THOUGHT, "\n\nAnswer: B"))
"""After its thought the model writes A or B, each for half of the samples."""
TEMPLATE = "{{ messages[0].content }}{% if enable_thinking %}<|on|>{% endif %}"


@pytest.fixture
def evaluate(
    tmp_path: Path,
    real_datasets: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Callable[..., dict[str, Any]]:
    """Return a function that evaluates a model on a suite, and returns the result document."""
    cut(real_datasets, tmp_path / "questions", rows=ROWS)
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path / "questions"))
    monkeypatch.setenv("EVALBOARD_OFFLINE", "true")

    def evaluate(model: str, suite: str, *options: str, backend: str = "hf") -> dict[str, Any]:
        monkeypatch.setenv("EVALBOARD_BACKEND", backend)
        words = ["--suite", suite, "--precision", "float32", "--json", *options]
        words += ["--output", str(tmp_path / "out")]
        status = main(["evaluate", str(tmp_path / model), *words])
        written = capfd.readouterr()
        assert status == 0, written.err
        return json.loads(written.out)

    return evaluate


def test_figures_of_a_random_model_are_those_of_its_choices(
    tmp_path: Path, evaluate: Callable[..., dict[str, Any]]
) -> None:
    make_random_model(tmp_path / "random")
    document = evaluate("random", "open-medical-robust")
    assert set(document["results"]) > {benchmark.key for benchmark in ROBUST.benchmarks}

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


@pytest.mark.parametrize("backend", ["hf", "vllm"])
def test_runs_of_a_model_that_samples_differ(
    backend: str, tmp_path: Path, evaluate: Callable[..., dict[str, Any]]
) -> None:
    folder = write_chains(
        tmp_path / "sampler", CHAINS, template=TEMPLATE, context=16_384, sharpness=10
    )
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    options = ("--chat-template", "--enable-thinking", "--think-end-token=</think>")
    document = evaluate("sampler", REPEATS.name, *options, backend=backend)

    spreads: list[float] = []
    for benchmark in REPEATS.benchmarks:
        answers = pq.read_table(tmp_path / "out" / f"{benchmark.key}.parquet").to_pylist()
        runs = [[a for a in answers if a["subject"] == task] for task in benchmark.tasks]
        letters = [[a["extracted"] for a in run] for run in runs]
        assert {len(run) for run in letters} == {ROWS}
        assert all({"A", "B"} == set(run) for run in letters)  # questions draw for themselves
        assert letters[0] != letters[1] != letters[2]
        accuracies = [sum(a["correct"] for a in run) / ROWS for run in runs]
        found = document["results"][benchmark.key]
        assert found["acc,none"] == pytest.approx(fmean(accuracies))
        assert found["spread,none"] == pytest.approx(stdev(accuracies))
        seeds = [document["configs"][t]["generation_kwargs"]["seed"] for t in benchmark.tasks]
        assert seeds == [1234, 1235, 1236]
        spreads.append(found["spread,none"])
    assert max(spreads) > 0
