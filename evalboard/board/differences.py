"""How far two models are apart on one benchmark, with a 95 % interval. Scores are fractions."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from evalboard.board.statistics import Z_95


class Difference(NamedTuple):
    """A model's score less another's, a fraction in [-1, 1], with its 95 % interval."""

    value: float
    low: float
    high: float


class Discordance(NamedTuple):
    """How two models answered the same yes-or-no questions."""

    n: int
    """Questions, at least 1."""
    only_first: int
    """Those that only the first model answered right."""
    only_second: int


def independent_difference(
    first: float, first_stderr: float, second: float, second_stderr: float
) -> Difference:
    """Return `second - first` where nothing is known of single questions.

    The normal approximation for independent scores. Two models are right on much the same
    questions, so the interval is wider than the paired one.

    Args:
        first: Score of the model that the other is compared with, fraction in [0, 1].
        first_stderr: Its standard error.
        second: Score of the other model.
        second_stderr: Its standard error.
    """
    return _around(second - first, math.hypot(first_stderr, second_stderr))


def paired_difference(subjects: Sequence[Discordance]) -> Difference:
    """Return the second model's score less the first's, from the same questions.

    The adjusted Wald interval of A. Agresti and Y. Min, "Simple improved confidence intervals for
    comparing matched proportions", Statistics in Medicine 24 (2005), 729-740: half a question is
    added to each of the four cells, which keeps it sound where the models hardly differ. Only the
    spread is taken from the adjusted table; the value is the plain difference.

    Args:
        subjects: One for a single task; of a group, whose score is the unweighted mean of its
            subjects, one for each.

    Raises:
        ValueError: There is no subject, or one has no question.
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
