"""The difference of two models on one benchmark, with a 95 % interval. Scores are fractions."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalboard.board.statistics import Z_95


class Difference(NamedTuple):
    """The difference of two models' scores, a fraction in [-1, 1], with its 95 % interval."""

    value: float
    low: float
    high: float


class Discordance(NamedTuple):
    """The answers of two models to the same yes-or-no questions."""

    n: int
    """Questions, at least 1."""
    only_first: int
    """Questions that only the first model answered correctly."""
    only_second: int


def independent_difference(
    first: float, first_stderr: float, second: float, second_stderr: float
) -> Difference:
    """Return `second - first` without the answers to individual questions.

    The normal approximation for independent scores. Two models answer mostly the same questions
    correctly, so this interval is wider than the paired one.

    Args:
        first: Score of the model that the other is compared with, fraction in [0, 1].
        first_stderr: Its standard error.
        second: Score of the other model.
        second_stderr: Its standard error.
    """
    return _around(second - first, math.hypot(first_stderr, second_stderr))


def paired_difference(subjects: Sequence[Discordance]) -> Difference:
    """Return `second - first` from the answers to the same questions.

    The adjusted Wald interval of A. Agresti and Y. Min, "Simple improved confidence intervals for
    comparing matched proportions", Statistics in Medicine 24 (2005), 729-740: half a question is
    added to each of the four cells, which keeps the interval valid for models that hardly differ.
    The adjusted table gives only the width; the value is the plain difference.

    Args:
        subjects: One for a single task. For a group, one per subject, because its score is the
        unweighted mean of its subjects.

    Raises:
        ValueError: There is no subject, or a subject has no questions.
    """
    if not subjects or any(subject.n < 1 for subject in subjects):
        raise ValueError("a difference needs questions")
    values = [(s.only_second - s.only_first) / s.n for s in subjects]
    variance = math.fsum(_variance(subject) for subject in subjects)
    return _around(math.fsum(values) / len(values), math.sqrt(variance) / len(subjects))


def _variance(subject: Discordance) -> float:
    n = subject.n + 2
    first, second = (subject.only_first + 0.5) / n, (subject.only_second + 0.5) / n
    return (first + second - (second - first) ** 2) / n


def _around(value: float, stderr: float) -> Difference:
    half = Z_95 * stderr
    return Difference(value, max(-1.0, value - half), min(1.0, value + half))
