"""How well models find the right choice without the question, compared with the other rows of a board."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import NamedTuple

from evalboard.board.scores import Score
from evalboard.suites.model import Benchmark, Suite

LEAST_ROWS = 20
"""Rows without which nobody knows how much the choices give away."""
LARGEST_USUAL_Z = 4.0
"""What fewer than two in a thousand rows exceed by chance: among 20 rows 1.6, among 100 rows 0.1."""
DEVIATIONS = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation."""


class Blind(NamedTuple):
    """The answers of one row without the questions."""

    blind_advantage: float | None = None
    """Mean over the benchmarks of the accuracy minus that of guessing, in [-1, 1]."""
    blind_z: float | None = None
    """By how many deviations this is above the median of the rows. None with few of them."""

    @property
    def is_suspected(self) -> bool:
        """Whether the row is further above the others than by chance."""
        return self.blind_z is not None and self.blind_z > LARGEST_USUAL_Z


def answers_without_questions(rows: Sequence[Mapping[str, Score]], suite: Suite) -> list[Blind]:
    """Return the figures of every row.

    Choices alone give some answers away, more of them to better models: N. Balepur, A. Ravichander and R.
    Rudinger, "Artifacts or Abduction: How Do LLMs Answer Multiple-Choice Questions Without the Question?",
    ACL 2024. So the other rows say what is usual, by their median and their median absolute deviation,
    which a few models that have seen the questions do not move. A deviation is the root of the sum of
    the rows' variance and of the row's own.

    Args:
        rows: The scores of each row by benchmark key.
        suite: Says which benchmarks hide the question. A row without a score on one has no figures.
    """
    hidden = [benchmark for benchmark in suite.benchmarks if benchmark.hides_question]
    advantages = [_advantage(scores, hidden) for scores in rows]
    known = [value for value in advantages if value is not None]
    if len(known) < LEAST_ROWS:
        return [Blind(value) for value in advantages]
    usual = median(known)
    spread = DEVIATIONS * median(abs(value - usual) for value in known)
    return [
        Blind()
        if value is None
        else Blind(value, (value - usual) / math.hypot(spread, _error(scores, hidden)))
        for scores, value in zip(rows, advantages, strict=True)
    ]


def _advantage(scores: Mapping[str, Score], hidden: Sequence[Benchmark]) -> float | None:
    if not hidden or any(benchmark.key not in scores for benchmark in hidden):
        return None
    return fmean(scores[benchmark.key].value - benchmark.baseline for benchmark in hidden)


def _error(scores: Mapping[str, Score], hidden: Sequence[Benchmark]) -> float:
    """Return the standard error of the advantage of a model that guesses."""
    variances = (b.baseline * (1 - b.baseline) / scores[b.key].n for b in hidden)
    return math.sqrt(sum(variances)) / len(hidden)
