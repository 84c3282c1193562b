"""The formulas of the board. Every score is a fraction in [0, 1]."""

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

Z_95 = NormalDist().inv_cdf(0.975)
"""Standard normal deviate of a two-sided 95 % interval."""


class Interval(NamedTuple):
    """A 95 % confidence interval of a score; both ends are fractions in [0, 1]."""

    low: float
    high: float


def wilson_interval(score: float, n: float) -> Interval:
    """Return Wilson's 95 % interval of a share of right answers.

    The score interval without continuity correction of E. B. Wilson, "Probable inference, the law
    of succession, and statistical inference", Journal of the American Statistical Association 22
    (1927), 209-212.

    Args:
        score: Share of right answers, fraction in [0, 1].
        n: Questions, more than 0. A fraction stands for an effective number of them.

    Returns:
        The interval, which holds the score.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    if not n > 0:
        raise ValueError(f"n must be greater than 0, got {n!r}")
    shrink = 1 + Z_95**2 / n
    centre = (score + Z_95**2 / (2 * n)) / shrink
    half = Z_95 / shrink * math.sqrt(score * (1 - score) / n + (Z_95 / (2 * n)) ** 2)
    # At 0 and 1 an end is the score itself, which rounding would miss by some 1e-17.
    return Interval(min(max(0.0, centre - half), score), max(min(1.0, centre + half), score))


def mean_interval(score: float, stderr: float) -> Interval:
    """Return the 95 % interval of a mean of per-question fractions with a known standard error.

    Wilson's interval with the number of yes-or-no questions that would have this mean and this
    standard error, `1 + score (1 - score) / stderr²`. Where every question counts 0 or 1, and the
    standard error is the sample's (divisor n - 1), that number is n and the interval is
    `wilson_interval(score, n)`. Means of finer fractions spread less and get a narrower interval.

    Args:
        score: The mean, fraction in [0, 1].
        stderr: Its standard error, more than 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    _check_stderr(stderr)
    # Divided twice, since the square of a tiny standard error is 0.
    return wilson_interval(score, 1 + score * (1 - score) / stderr / stderr)


def normal_interval(score: float, stderr: float) -> Interval:
    """Return the 95 % interval of a mean of independent scores with a known standard error.

    The normal approximation `score ± 1.96 stderr`, cut to [0, 1]. Its place is the unweighted mean
    of many subjects, where no number of yes-or-no questions stands behind the score, as Wilson's
    interval takes it, and the sum of many errors is near to normal.

    Args:
        score: The mean, fraction in [0, 1].
        stderr: Its standard error, more than 0.

    Raises:
        ValueError: An argument is outside its range.
    """
    _check_score(score)
    _check_stderr(stderr)
    half = Z_95 * stderr
    return Interval(max(0.0, score - half), min(1.0, score + half))


def normalise(score: float, baseline: float) -> float:
    """Return where a score lies between guessing (0) and perfect (1); below guessing is 0.

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


def unweighted_mean(scores: Sequence[float]) -> float:
    """Return the mean in which every benchmark counts the same, however many questions it has.

    Raises:
        ValueError: There is no score, or one is outside [0, 1].
    """
    if not scores:
        raise ValueError("the mean of no scores is undefined")
    for score in scores:
        _check_score(score)
    return math.fsum(scores) / len(scores)


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
