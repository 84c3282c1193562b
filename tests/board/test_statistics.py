import math
from statistics import NormalDist

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalboard.board.statistics import (
    Z_95,
    choice_probabilities,
    mean_interval,
    normal_interval,
    normalise,
    weighted_mean,
    wilson_interval,
)

scores = st.floats(0, 1)
questions = st.integers(1, 100_000)


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine
# 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_matches_published_values(right: int, n: int, low: float, high: float):
    interval = wilson_interval(right / n, n)

    assert interval == pytest.approx((low, high), abs=5e-5)


@given(scores, questions)
def test_wilson_interval_contains_the_score(score: float, n: int):
    low, high = wilson_interval(score, n)

    assert 0 <= low <= score <= high <= 1


@given(scores, questions, questions)
def test_wilson_interval_shrinks_with_more_questions(score: float, n: int, more: int):
    few, many = wilson_interval(score, n), wilson_interval(score, n + more)

    assert many.high - many.low < few.high - few.low


@given(st.integers(0, 500), st.integers(0, 500))
def test_wilson_interval_mirrors_right_and_wrong(right: int, wrong: int):
    assume(right + wrong)
    n = right + wrong
    low, high = wilson_interval(right / n, n)

    assert wilson_interval(wrong / n, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(st.floats(0.001, 0.999), questions)
def test_wilson_interval_ends_where_the_score_test_rejects(score: float, n: int):
    for end in wilson_interval(score, n):
        deviation = abs(score - end) / math.sqrt(end * (1 - end) / n)
        assert deviation == pytest.approx(NormalDist().inv_cdf(0.975), rel=1e-6)


@given(st.integers(2, 5000), st.data())
def test_mean_interval_of_right_and_wrong_answers_is_the_wilson_interval(n: int, data):
    right = data.draw(st.integers(1, n - 1)) / n
    sample_stderr = math.sqrt(right * (1 - right) / (n - 1))

    assert mean_interval(right, sample_stderr) == pytest.approx(wilson_interval(right, n), abs=1e-9)


def test_mean_interval_is_nearly_the_normal_one_for_small_errors():
    low, high = mean_interval(0.4, 0.005)

    assert low == pytest.approx(0.4 - Z_95 * 0.005, abs=1e-4)
    assert high == pytest.approx(0.4 + Z_95 * 0.005, abs=1e-4)


@given(scores, st.floats(0, 1, exclude_min=True))
def test_mean_interval_contains_the_score(score: float, stderr: float):
    low, high = mean_interval(score, stderr)

    assert 0 <= low <= score <= high <= 1


@given(st.floats(0, 0.99))
def test_normalise_puts_guessing_at_0_and_perfect_at_1(baseline: float):
    assert normalise(baseline, baseline) == 0
    assert normalise(1, baseline) == pytest.approx(1)
    assert normalise(baseline / 2, baseline) == 0


def test_normalise_scales_between():
    assert normalise(0.625, 0.25) == pytest.approx(0.5)


@given(st.lists(st.tuples(scores, st.floats(0.01, 100)), min_size=1))
def test_a_mean_lies_between_its_extremes(parts: list[tuple[float, float]]):
    values = [value for value, _ in parts]
    mean = weighted_mean(values, [weight for _, weight in parts])

    assert min(values) - 1e-12 <= mean <= max(values) + 1e-12
    assert mean <= 1


def test_only_the_ratios_of_weights_matter():
    assert weighted_mean([0.1, 0.2, 0.6], [1, 1, 1]) == pytest.approx(0.3)
    assert weighted_mean([0.2, 0.8], [3, 1]) == pytest.approx(0.35)
    assert weighted_mean([0.2, 0.8], [0.75, 0.25]) == pytest.approx(0.35)


@pytest.mark.parametrize("weight", [0, -1, math.nan])
def test_a_weight_that_is_not_above_0_is_refused(weight: float):
    with pytest.raises(ValueError, match="weight must be greater than 0"):
        weighted_mean([0.5, 0.5], [1, weight])


@pytest.mark.parametrize("score", [-0.01, 1.01, math.nan, math.inf])
def test_scores_outside_their_range_are_refused(score: float):
    with pytest.raises(ValueError, match="score must be in"):
        wilson_interval(score, 10)
    with pytest.raises(ValueError, match="score must be in"):
        mean_interval(score, 0.1)
    with pytest.raises(ValueError, match="score must be in"):
        normalise(score, 0.25)
    with pytest.raises(ValueError, match="score must be in"):
        weighted_mean([0.5, score], [1, 1])


@pytest.mark.parametrize("n", [0, -1, math.nan])
def test_a_number_of_questions_that_is_not_above_0_is_refused(n: float):
    with pytest.raises(ValueError, match="n must be greater than 0"):
        wilson_interval(0.5, n)


@pytest.mark.parametrize("stderr", [0, -0.1, math.nan])
def test_a_standard_error_that_is_not_above_0_is_refused(stderr: float):
    with pytest.raises(ValueError, match="stderr must be greater than 0"):
        mean_interval(0.5, stderr)


@pytest.mark.parametrize("baseline", [-0.1, 1, math.nan])
def test_a_baseline_outside_its_range_is_refused(baseline: float):
    with pytest.raises(ValueError, match="baseline must be in"):
        normalise(0.5, baseline)


def test_the_mean_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no scores"):
        weighted_mean([], [])


def test_normal_interval_is_196_standard_errors_to_each_side():
    assert normal_interval(0.6, 0.01) == pytest.approx((0.6 - 0.0196, 0.6 + 0.0196), abs=1e-6)


@given(scores, st.floats(1e-12, 10))
def test_normal_interval_contains_the_score_and_stays_in_range(score: float, stderr: float):
    low, high = normal_interval(score, stderr)

    assert 0 <= low <= score <= high <= 1


@pytest.mark.parametrize(("score", "stderr"), [(1.1, 0.1), (math.nan, 0.1), (0.5, 0), (0.5, -1)])
def test_normal_interval_refuses_what_is_out_of_range(score: float, stderr: float):
    with pytest.raises(ValueError, match="must"):
        normal_interval(score, stderr)


def test_probabilities_are_shares_of_the_choices() -> None:
    assert choice_probabilities([-1000.0, -1000.0], 2) == [0.5, 0.5]
    assert choice_probabilities([math.log(0.2), math.log(0.6), -5.0], 2) == pytest.approx(
        [0.25, 0.75]
    )
    assert choice_probabilities([], 0) == choice_probabilities([-1.0], 2) == []
    assert choice_probabilities([-math.inf, -1.0], 2) == []
