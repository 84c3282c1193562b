"""New answers against the stored ones, and what they say. Pure.

Scores compare if the 95 % interval of their paired difference lies within a margin on both sides: that
no difference is significant would not do, because few questions never show one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from evalboard.bench.answers import stored_answer
from evalboard.board.statistics import Z_95
from evalboard.records.answers import Answers

Rows = Mapping[tuple[str, int], Mapping[str, Any]]
"""Rows of answers by subject and number of the question."""


class Compared(NamedTuple):
    """The answers to one benchmark, of an old version and of a new one."""

    questions: int
    """Questions that both versions asked."""
    different: int
    """Questions with another answer or verdict, and those that only one version asked."""
    largest_difference: float
    """Of two log-likelihoods of the same choice; 0 where there are none."""
    gain: float
    """Sum over the questions of what the new answer earned more than the old one, each in [-1, 1]."""
    squares: float
    """Sum of the squares of these."""


class Points(NamedTuple):
    """The difference of the scores, new minus old, in percentage points, with its 95 % interval."""

    value: float
    low: float
    high: float

    def is_within(self, margin: float) -> bool:
        """Return whether the interval lies within a margin, in points, on both sides of 0."""
        return -margin <= self.low and self.high <= margin


def compare(old: Answers, new: Answers, *, limit: int | None) -> Compared:
    """Compare a model's answers to one benchmark.

    Args:
        old: The stored answers.
        new: Those of the installed version.
        limit: Number of questions of each task that the installed version was asked; None for all.
    """
    before, after = _rows(old, limit), _rows(new, limit)
    found = [
        _compare(before.get(place), after.get(place)) for place in before.keys() | after.keys()
    ]
    return pool(found)


def pool(parts: Sequence[Compared]) -> Compared:
    """Return the answers of several models to one benchmark as those of one."""
    return Compared(
        questions=sum(part.questions for part in parts),
        different=sum(part.different for part in parts),
        largest_difference=max((part.largest_difference for part in parts), default=0.0),
        gain=math.fsum(part.gain for part in parts),
        squares=math.fsum(part.squares for part in parts),
    )


def points(compared: Compared) -> Points:
    """Return the difference of the scores on these questions, of which there is at least one.

    The interval is that of `evalboard.board.differences.paired_difference` (Agresti and Min, 2005),
    written for fractions as in `evalboard.ranking.comparing`.
    """
    n = compared.questions
    variance = (compared.squares + 1) / (n + 2) ** 2 - compared.gain**2 / (n + 2) ** 3
    value, half = compared.gain / n, Z_95 * math.sqrt(variance)
    return Points(*(round(100 * end, 4) for end in (value, value - half, value + half)))


def _rows(answers: Answers, limit: int | None) -> Rows:
    """Return the first questions of each task. Only the rows of a group name their task."""
    places = [(subject, number) for subject, number, _ in answers.questions]
    rows = zip(places, answers.table.to_pylist(), strict=True)
    return {place: row for place, row in rows if limit is None or place[1] < limit}


def _compare(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Compared:
    if old is None or new is None or old["doc_hash"] != new["doc_hash"]:
        return Compared(0, 1, 0.0, 0.0, 0.0)
    before, after = stored_answer(old), stored_answer(new)
    pairs = zip(before.loglikelihoods, after.loglikelihoods, strict=False)
    gain = _earned(new) - _earned(old)
    return Compared(
        questions=1,
        different=int(before[:3] != after[:3] or gain != 0),
        largest_difference=max((abs(x - y) for x, y in pairs if x != y), default=0.0),
        gain=gain,
        squares=gain**2,
    )


def _earned(row: Mapping[str, Any]) -> float:
    """Return what an answer earned, in [0, 1]."""
    return float(row["correct"] if row["correct"] is not None else row.get("earned") or 0.0)
