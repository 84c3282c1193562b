"""The formulas of the board. Every score is a fraction in [0, 1]."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

Z_95 = NormalDist().inv_cdf(0.975)
"""Standard normal deviate of a two-sided 95 % interval."""


class Interval(NamedTuple):
    """A 95 % confidence interval of a score. Both ends are fractions in [0, 1]."""

    low: float
    high: float


def wilson_interval(score: float, n: float) -> Interval:
    """Return Wilson's 95 % interval of a proportion of correct answers.

    The score interval without continuity correction of E. B. Wilson, "Probable inference, the law
    of succession, and statistical inference", Journal of the American Statistical Association 22
    (1927), 209-212.

    Args:
        score: Proportion of correct answers, a fraction in [0, 1].
        n: Number of questions, greater than 0. A fraction is an effective number.

    Returns:
        The interval, which contains the score.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    if not n > 0:
        raise ValueError(f"n must be greater than 0, got {n!r}")
    shrink = 1 + Z_95**2 / n
    centre = (score + Z_95**2 / (2 * n)) / shrink
    half = Z_95 / shrink * math.sqrt(score * (1 - score) / n + (Z_95 / (2 * n)) ** 2)
    # At 0 and 1 one end is the score itself, which rounding would miss by about 1e-17.
    return Interval(min(max(0.0, centre - half), score), max(min(1.0, centre + half), score))


def mean_interval(score: float, stderr: float) -> Interval:
    """Return the 95 % interval of a mean of per-question fractions with a known standard error.

    Wilson's interval with the number of yes-or-no questions that would have this mean and this
    standard error, `1 + score (1 - score) / stderr²`. If every question counts 0 or 1 and the
    standard error is that of the sample (divisor n - 1), this number is n and the interval is
    `wilson_interval(score, n)`. Means of finer fractions vary less and get a narrower interval.

    Args:
        score: The mean, fraction in [0, 1].
        stderr: Its standard error, greater than 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    _check_stderr(stderr)
    # Divide twice, because the square of a tiny standard error underflows to 0.
    return wilson_interval(score, 1 + score * (1 - score) / stderr / stderr)


def normal_interval(score: float, stderr: float) -> Interval:
    """Return the 95 % interval of a mean of independent scores with a known standard error.

    The normal approximation `score ± 1.96 stderr`, cut to [0, 1]. It is meant for the unweighted
    mean of many subjects: Wilson's interval needs a number of yes-or-no questions, which such a
    mean does not have, and the sum of many errors is nearly normal.

    Args:
        score: The mean, fraction in [0, 1].
        stderr: Its standard error, greater than 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    _check_stderr(stderr)
    half = Z_95 * stderr
    return Interval(max(0.0, score - half), min(1.0, score + half))


def normalise(score: float, baseline: float) -> float:
    """Return a score on a scale from guessing (0) to perfect (1). Scores below guessing become 0.

    As the Open LLM Leaderboard normalises ("Scores Normalization" in the documentation of Hugging
    Face's leaderboards), but as a fraction, not in percent.

    Args:
        score: Fraction in [0, 1].
        baseline: Score of guessing, fraction in [0, 1).

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    if not 0 <= baseline < 1:
        raise ValueError(f"baseline must be in [0, 1), got {baseline!r}")
    return max(0.0, (score - baseline) / (1 - baseline))


def weighted_mean(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Return the mean of scores, whatever their numbers of questions.

    Args:
        scores: Fractions in [0, 1].
        weights: One for each score, greater than 0. Only their ratios matter.

    Raises:
        ValueError: There is no score, a score is outside [0, 1], or a weight is not positive.
    """
    if not scores:
        raise ValueError("the mean of no scores is undefined")
    for score, weight in zip(scores, weights, strict=True):
        _check_score(score)
        if not weight > 0:
            raise ValueError(f"weight must be greater than 0, got {weight!r}")
    parts = (weight * score for score, weight in zip(scores, weights, strict=True))
    return min(1.0, math.fsum(parts) / math.fsum(weights))


def _check_score(score: float) -> None:
    if not 0 <= score <= 1:
        raise ValueError(f"score must be in [0, 1], got {score!r}")


def _check_stderr(stderr: float) -> None:
    if not stderr > 0:
        raise ValueError(f"stderr must be greater than 0, got {stderr!r}")


def choice_probabilities(loglikelihoods: Sequence[float | None], choices: int) -> list[float]:
    """Return how a model spreads its probability over the choices of a question; they sum to 1.

    Args:
        loglikelihoods: Of the choices, natural logarithms; what follows them is left out.
        choices: How many choices there are; 0 gives an empty list.
    """
    known = [value for value in loglikelihoods[:choices] if value is not None]
    if not known or len(known) < choices or not all(map(math.isfinite, known)):
        return []
    highest = max(known)
    weights = [math.exp(value - highest) for value in known]
    return [weight / math.fsum(weights) for weight in weights]
