"""Ranks of the rows of a board, with the range in which each is certain.

The method is that of `evalboard.ranking`; this module makes its columns from scores and answers.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.board.comparability import Measured
from evalboard.board.harnesses import Harnesses
from evalboard.board.rows import Row
from evalboard.board.scores import Score
from evalboard.identity import RowIdentity
from evalboard.ranking.comparing import Column, Stratum, score_of
from evalboard.ranking.entries import Average, Entries
from evalboard.ranking.ranges import Earlier, Ranking, rank
from evalboard.records.earned import AnswersName, Earned
from evalboard.records.notice import NoticeKind
from evalboard.suites.model import Benchmark, Suite

FindAnswers = Callable[[Sequence[AnswersName | None]], Sequence[Earned | None]]
"""Returns what each question earned, in the order of the names; None where answers are not stored."""
BITS_TOLERANCE, FRACTIONS_TOLERANCE = 1e-6, 2.0**-11
"""How far the mean of stored answers may be from the score that they earned: by the rounding of the
score, and of a float16."""

MOST_QUESTIONS = 10**9
"""A document that names more is wrong."""


class Place(NamedTuple):
    """The rank of a row in one column, among the rows that were measured alike."""

    rank: int
    """From 1; equal scores share a rank."""
    low: int
    """Best rank of the range. Rows with 1 share the first place."""
    high: int
    """Worst rank of the range."""


class Standing(NamedTuple):
    """All ranks of one row."""

    places: dict[str, Place] = {}
    """By benchmark key, and `average`. A row that nothing can be compared with has none."""
    apart: list[str] = []
    """In what the row was measured otherwise than most; it is ranked among those like it."""
    unpaired: list[str] = []
    """Benchmarks whose answers are not stored, or are to other questions: the row is compared by its
    standard error."""


class Standings(NamedTuple):
    """The ranks of all rows."""

    rows: list[Standing]
    """In the order of the rows."""
    smallest_differences: dict[str, float | None]
    """By benchmark key, and `average`: the minimum detectable effect, a fraction."""
    ranked: Earlier
    """What was ranked, for the next time."""


def rank_rows(
    rows: Sequence[Row],
    suite: Suite,
    find_answers: FindAnswers,
    earlier: Earlier | None = None,
    harnesses: Harnesses | None = None,
) -> Standings:
    """Rank the rows in every benchmark and in the average.

    Args:
        rows: Of the board, each once.
        suite: Its benchmarks.
        find_answers: Finds what questions earned: of all rows in one benchmark, then in the next.
        earlier: What was ranked the last time, see `evalboard.ranking.ranges`.
        harnesses: Which versions of lm-eval and of the backends compare. None: each with itself alone.
    """
    measured = Measured(rows, harnesses or Harnesses())
    found = find_answers([_answers_name(row, b) for b in suite.benchmarks for row in rows])
    columns = [
        _column(benchmark, rows, found[at * len(rows) : (at + 1) * len(rows)], measured)
        for at, benchmark in enumerate(suite.benchmarks)
    ]
    entries = Entries(
        [entry_name(row.identity) for row in rows],
        columns,
        Average(
            np.array([row.average if row.ranked else math.nan for row in rows], np.float64),
            _weights(suite),
        ),
    )
    rankings, counts = rank(entries, earlier)
    return Standings(
        _standings(rows, columns, rankings, measured.differences()),
        {key: _rounded(ranking.smallest_difference) for key, ranking in rankings.items()},
        Earlier(entries, counts),
    )


def entry_name(identity: RowIdentity) -> str:
    """Return the name of a row among those that are ranked."""
    return "\t".join(map(str, identity))


def _may_rank(row: Row) -> bool:
    """Return whether a row takes part in ranks: the operator has not flagged its model."""
    return NoticeKind.FLAGGED not in row.flags


def _weights(suite: Suite) -> dict[str, float]:
    """Return what a difference in a benchmark counts in the average."""
    is_normalised = suite.average.scores == "normalised"
    return {
        benchmark.key: share / (1 - benchmark.baseline if is_normalised else 1)
        for benchmark, share in zip(suite.benchmarks, suite.shares, strict=True)
    }


def _answers_name(row: Row, benchmark: Benchmark) -> AnswersName | None:
    score = row.scores.get(benchmark.key)
    if score is None:
        return None
    return AnswersName(
        score.folder, benchmark.key, bool(benchmark.tasks), bool(benchmark.robustness)
    )


def _column(
    benchmark: Benchmark,
    rows: Sequence[Row],
    stored: Sequence[Earned | None],
    measured: Measured,
) -> Column:
    scores = [row.scores.get(benchmark.key) if _may_rank(row) else None for row in rows]
    questions, answers, strata, answered = _answers(stored)
    values = np.array([score.value if score else math.nan for score in scores], np.float64)
    is_bits = answers.dtype == np.bool_
    tolerance = BITS_TOLERANCE if is_bits else FRACTIONS_TOLERANCE
    answered &= np.abs(score_of(answers, strata) - values) <= tolerance
    return Column(
        key=benchmark.key,
        scores=values,
        answers=answers,
        answered=answered,
        stderrs=np.array([_stderr(score) if score else 0.0 for score in scores], np.float64),
        strata=strata,
        peers=np.where(np.isnan(values), 0, measured.numbers(benchmark.key)),
        questions=questions,
    )


def _answers(
    stored: Sequence[Earned | None],
) -> tuple[str, NDArray[Any], tuple[Stratum, ...], NDArray[np.bool_]]:
    """Return the questions that most rows have, all answers to them, their parts, and who has them."""
    sets = Counter((earned.questions, earned.parts) for earned in stored if earned)
    questions, parts = max(sets, key=lambda one: (sets[one], one), default=("", ()))
    usual = {
        at: earned.values
        for at, earned in enumerate(stored)
        if earned and (earned.questions, earned.parts) == (questions, parts)
    }
    has_fractions = any(values.dtype != np.bool_ for values in usual.values())
    table = np.zeros((len(stored), sum(parts)), np.float16 if has_fractions else np.bool_)
    answered = np.zeros(len(stored), np.bool_)
    for at, values in usual.items():
        table[at], answered[at] = values, True
    ends = np.cumsum(parts).tolist()
    strata = tuple(
        Stratum(end - size, end, 1 / len(parts)) for end, size in zip(ends, parts, strict=True)
    )
    return questions, table, strata, answered


def _stderr(score: Score) -> float:
    """Return the standard error of a score for comparisons, greater than 0.

    Where there is none, or all questions had the same result, that of a proportion with two right and
    two wrong answers more (Agresti and Coull, "Approximate is better than 'exact' for interval
    estimation of binomial proportions", The American Statistician 52 (1998), 119-126).
    """
    if score.stderr:
        return score.stderr
    known = min(score.n, MOST_QUESTIONS)
    n = known + 4
    proportion = (score.value * known + 2) / n
    return math.sqrt(proportion * (1 - proportion) / n)


def _standings(
    rows: Sequence[Row],
    columns: Sequence[Column],
    rankings: Mapping[str, Ranking],
    apart: Sequence[list[str]],
) -> list[Standing]:
    places: list[dict[str, Place]] = [{} for _ in rows]
    for key, ranking in rankings.items():
        of_rows = zip(*(part.tolist() for part in ranking[:4]), strict=True)
        for at, (rank_, low, high, peers) in enumerate(of_rows):
            if rank_ and not (apart[at] and peers == 1):
                places[at][key] = Place(rank_, low, high)
    unpaired: list[list[str]] = [[] for _ in rows]
    for column in columns:
        for at in np.flatnonzero(~column.answered).tolist():
            if not math.isnan(column.scores[at]):
                unpaired[at].append(column.key)
    return [Standing(*one) for one in zip(places, apart, unpaired, strict=True)]


def _rounded(difference: float) -> float | None:
    """Return a difference to a thousandth of a percent: rounding elsewhere must not change a board."""
    return None if math.isnan(difference) else round(difference, 5)
