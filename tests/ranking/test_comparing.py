"""The variance of a paired difference, for all pairs at once, against one pair after the other."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from evalboard.board.differences import Discordance, paired_difference
from evalboard.board.statistics import Z_95
from evalboard.ranking.comparing import Column, Stratum, Variances, score_of

ROWS = 12
ALL = slice(0, ROWS)
PLAIN = (Stratum(0, 90, 1.0),)
SUBJECTS = (Stratum(0, 7, 1 / 3), Stratum(7, 40, 1 / 3), Stratum(40, 90, 1 / 3))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def right(random: np.random.Generator) -> NDArray[np.bool_]:
    """Answers of which some are the same, all right and all wrong."""
    answers = random.random((ROWS, 90)) < np.linspace(0.2, 0.8, ROWS)[:, None]
    answers[3], answers[4], answers[5] = answers[2], True, False
    return answers


def column(answers: NDArray[Any], strata: tuple[Stratum, ...], **changes: Any) -> Column:
    known = np.ones(len(answers), np.bool_)
    zeros, alike = np.zeros(len(answers)), np.zeros(len(answers), np.int64)
    whole = Column("b", score_of(answers, strata), answers, known, zeros, strata, alike)
    return whole._replace(**changes)


def naive(first: NDArray[Any], second: NDArray[Any], strata: tuple[Stratum, ...]) -> float:
    """Return the variance of one pair by the formula in the module's docstring."""
    parts: list[float] = []
    for start, stop, weight in strata:
        d = first[start:stop].astype(float) - second[start:stop].astype(float)
        size = stop - start + 2
        parts.append(weight**2 * ((np.sum(d * d) + 1) / size**2 - np.sum(d) ** 2 / size**3))
    return math.fsum(parts)


def discordance(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Discordance:
    return Discordance(len(first), int((first & ~second).sum()), int((second & ~first).sum()))


@pytest.mark.parametrize("strata", [PLAIN, SUBJECTS], ids=["plain", "subjects"])
def test_the_variance_is_that_of_the_interval_that_the_board_shows(
    right: NDArray[np.bool_], strata: tuple[Stratum, ...]
) -> None:
    found = Variances(column(right, strata)).of(ALL)
    for first in range(ROWS):
        for second in range(ROWS):
            cells = [
                discordance(right[first, start:stop], right[second, start:stop])
                for start, stop, _ in strata
            ]
            shown = paired_difference(cells)
            assert naive(right[first], right[second], strata) == pytest.approx(
                found[first, second], rel=1e-5
            )
            if -1 < shown.low and shown.high < 1:
                half = Z_95 * found[first, second] ** 0.5
                assert shown.high - shown.value == pytest.approx(half, rel=1e-5)


@pytest.mark.parametrize("strata", [PLAIN, SUBJECTS], ids=["plain", "subjects"])
def test_fractions_vary_as_they_do(
    random: np.random.Generator, strata: tuple[Stratum, ...]
) -> None:
    earned = random.random((ROWS, 90)).astype(np.float16)
    found = Variances(column(earned, strata)).of(ALL)
    assert [[naive(a, b, strata) for b in earned] for a in earned] == pytest.approx(found, rel=1e-5)


def test_a_pair_has_the_same_variance_however_many_are_compared(right: NDArray[np.bool_]) -> None:
    variances = Variances(column(right, PLAIN))
    together = variances.of(ALL)
    alone = np.concatenate([variances.of(slice(row, row + 1)) for row in range(ROWS)])
    assert (together == alone).all()
    assert (together == together.T).all()
    some, others = np.array([7, 2]), np.array([1, 11, 2])
    assert (variances.of(some, others) == together[some][:, others]).all()


def test_a_row_without_answers_is_compared_as_if_it_had_other_questions(
    right: NDArray[np.bool_],
) -> None:
    known = np.arange(ROWS) != 7
    given = column(right, PLAIN, answered=known, stderrs=np.full(ROWS, 0.04))
    found = Variances(given).of(ALL)
    p = right[0].mean()
    own = p * (1 - p) / 89
    least = 1 / 92**2
    assert found[7, 0] == pytest.approx(own + 0.04**2 + least, rel=1e-4)
    assert (found[7] == found[:, 7]).all()
    paired = Variances(column(right, PLAIN)).of(ALL)
    assert (found[known][:, known] == paired[known][:, known]).all()
    assert (Variances(given).of(slice(6, 9)) == found[6:9]).all()
