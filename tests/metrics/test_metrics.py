"""Metrics from answers, against scikit-learn and scipy on the same input, or by hand."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from sklearn import metrics as sklearn

from evalboard.metrics.answered import Answered, read
from evalboard.metrics.calibration import (
    BINS,
    brier_score,
    confidence_auroc,
    expected_calibration_error,
    selective_accuracy,
)
from evalboard.metrics.classes import macro_f1
from evalboard.metrics.pointwise import med_halt_score, pointwise_score
from evalboard.metrics.positions import position_bias
from evalboard.metrics.table import METRICS, compute
from evalboard.records.answers import Answers
from evalboard.records.parquet import parquet_file

LETTERS = ["yes", "no", "maybe"]


def stored(count: int = 200, **changes: Any) -> Answers:
    """Return answers to questions with the choices yes, no and maybe."""
    random = np.random.default_rng(3)
    values = np.round(random.normal(0, 1.5, (count, 3)), 1)
    chosen, right = values.argmax(axis=1), random.integers(0, 3, count)
    right = np.where(random.random(count) < 0.4, chosen, right)
    columns = {
        "question_id": list(range(count)),
        "doc_hash": [str(n) for n in range(count)],
        "subject": [("heart", "lung", "")[n % 3] for n in range(count)],
        "correct": (chosen == right).tolist(),
        "target": [LETTERS[n] for n in right],
        "answer": [LETTERS[n] for n in chosen],
        "choices": [LETTERS] * count,
        "loglikelihoods": values.tolist(),
    }
    return Answers.from_parquet(parquet_file(pa.table(columns | changes)), path="a")


@pytest.fixture
def answered() -> Answered:
    found = read(stored())
    assert found
    return found


def test_the_confidence_is_the_probability_among_the_choices(answered: Answered) -> None:
    values = stored().table.column("loglikelihoods").to_pylist()
    expected = [np.exp(v).max() / np.exp(v).sum() for v in values]
    assert answered.confidences == pytest.approx(expected)


def test_metrics_are_those_of_scikit_learn(answered: Answered) -> None:
    right, sure = answered.correct, answered.confidences
    assert brier_score(answered) == pytest.approx(sklearn.brier_score_loss(right, sure))
    assert confidence_auroc(answered) == pytest.approx(sklearn.roc_auc_score(right, sure))
    f1 = sklearn.f1_score(answered.targets, answered.answers, average="macro")
    assert macro_f1(answered) == pytest.approx(f1)


def test_the_interval_is_that_of_scipy(answered: Answered) -> None:
    found = compute(answered)
    right, n = int(answered.correct.sum()), len(answered.correct)
    interval = stats.binomtest(right, n).proportion_ci(method="wilson")
    assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high))
    heart = found["subjects"]["heart"]
    assert (heart["n"], heart["accuracy"]) == (67, np.mean(answered.correct[::3]))
    assert set(found["subjects"]) == {"heart", "lung"}


def test_bins_have_equal_mass(answered: Answered) -> None:
    order = np.argsort(answered.confidences, kind="stable")
    bins = np.array_split(order, BINS)
    gaps = [len(b) * abs(answered.correct[b].mean() - answered.confidences[b].mean()) for b in bins]
    assert expected_calibration_error(answered) == pytest.approx(sum(gaps) / len(order))
    always = answered._replace(confidences=np.ones(200), correct=np.ones(200, np.bool_))
    assert expected_calibration_error(always) == 0


def test_wrong_answers_cost_points(answered: Answered) -> None:
    some = answered._replace(
        correct=np.array([True, False, False]), counts=np.array([4, 5, 2], np.int64)
    )
    assert pointwise_score(some) == pytest.approx((1 - 1 / 4 - 1) / 3)
    assert med_halt_score(some) == pytest.approx((1 - 0.25 - 0.25) / 3)
    assert pointwise_score(some._replace(counts=np.array([4, 1, 2]))) is None


def test_the_surest_are_those_that_count(answered: Answered) -> None:
    some = answered._replace(
        confidences=np.array([0.9, 0.4, 0.8, 0.7, 0.6]),
        correct=np.array([True, False, True, True, False]),
    )
    assert selective_accuracy(some) == 0.75


def test_positions_that_are_chosen_too_often_are_seen(answered: Answered) -> None:
    some = answered._replace(
        places=np.array([0, 0, 0, 1]),
        right_places=np.array([0, 1, 2, 1]),
        counts=np.array([3] * 4),
    )
    assert position_bias(some) == 0.5
    assert position_bias(some._replace(places=some.right_places)) == 0
    assert position_bias(some._replace(places=np.array([0, 0, -1, 1]))) is None


def test_answers_without_choices_have_what_applies() -> None:
    changes = {"choices": [None] * 200, "loglikelihoods": [None] * 200}
    table = {name: pa.array(v, pa.list_(pa.string())) for name, v in changes.items()}
    answered = read(stored(**table))
    assert answered
    found = compute(answered)
    assert {"accuracy", "med_halt_score", "macro_f1"} <= found.keys()
    assert not {"pointwise_score", "brier_score", "position_bias"} & found.keys()


def test_questions_that_earn_fractions_have_none() -> None:
    assert read(stored(correct=pa.array([None] * 200, pa.bool_()))) is None


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_says_its_range_and_its_source(name: str) -> None:
    told = METRICS[name].__doc__ or ""
    assert "Range: [" in told
    assert any(char.isdigit() for char in told.partition("Range")[2])
