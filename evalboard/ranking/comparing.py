"""Paired differences between all rows of a board, as one product of matrices.

A score is a weighted sum of means over strata of questions: one stratum for a plain benchmark, one per
subject for a group. Two rows answer the same questions, so the variance of their difference is that of
the differences question by question, stratum by stratum. For a stratum with n questions, weight w and
differences d, it is

    w² ((Σd² + 1) / (n + 2)² - (Σd)² / (n + 2)³)

which is the adjusted Wald interval of A. Agresti and Y. Min, "Simple improved confidence intervals for
comparing matched proportions", Statistics in Medicine 24 (2005), 729-740, written for fractions: two
rows that hardly differ are not certain to do so. `evalboard/board/differences.py` uses the same.

The variance is w² / (n + 2)² plus a quadratic form of d. With β = (1 - √(2 / (n + 2))) / n and
y = w / (n + 2) (x - β Σx) for the answers x of a row, the form is |y_i - y_j|², so that all pairs need
the product of y with itself and nothing else.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Rows = slice | NDArray[np.intp]
ALL = slice(None)
FEW_ROWS = 8
"""Rows that are compared faster by their bits than by a product of matrices."""
LEAST = 1e-12
"""Of a variance, where neither questions nor standard errors tell one."""


class Stratum(NamedTuple):
    """Questions whose mean is one part of a score."""

    start: int
    """Number of the first question, from 0."""
    stop: int
    """Number after that of the last question."""
    weight: float
    """Of the mean in the score, greater than 0."""


class Column(NamedTuple):
    """One benchmark of all rows of a board."""

    key: str
    scores: NDArray[np.float64]
    """Of every row, fractions in [0, 1]; NaN where a row has none."""
    answers: Floats | NDArray[np.bool_] | NDArray[np.uint8]
    """Rows by questions, what each answer earned, in [0, 1]. What a row without answers has is ignored."""
    answered: NDArray[np.bool_]
    """Whether a row's answers are known. Without them, it is compared as if it had other questions."""
    stderrs: NDArray[np.float64]
    """Standard errors of the scores, for rows without answers; at least 0."""
    strata: tuple[Stratum, ...]
    """They cover the questions. Without any, no row has answers."""
    peers: NDArray[np.int64]
    """Rows with the same number were measured alike; only they are ranked together."""
    questions: str = ""
    """Which questions the answers are to."""


def some_rows(column: Column, rows: Rows) -> Column:
    """Return a column of some of its rows."""
    return column._replace(
        scores=column.scores[rows],
        answers=column.answers[rows],
        answered=column.answered[rows],
        stderrs=column.stderrs[rows],
        peers=column.peers[rows],
    )


class Variances:
    """The variance of the difference of any two rows of a column.

    For a stratum of answers that are right or wrong, the products are whole numbers, which 32 bits hold
    without an error: however many rows are compared at a time, a pair has the same variance, bit for bit.
    A few rows are compared faster by counting the bits in which they differ, which gives the same numbers.
    Other columns are computed with 64 bits.
    """

    def __init__(self, column: Column) -> None:
        """Scale the answers. It takes 4 bytes of memory for each answer, or 8."""
        self._is_exact = len(column.strata) == 1 and column.answers.dtype.kind in "bu"
        self._column = column
        if self._is_exact:
            self._bits = np.packbits(column.answers.astype(np.bool_, copy=False), axis=1)
            self._bits[~column.answered] = 0
            self._lengths = _count(self._bits)
        else:
            self._lengths = np.einsum("rq,rq->r", self._scaled, self._scaled)
        sizes = [(stop - start + 2, weight) for start, stop, weight in column.strata]
        self._least = sum((weight / size) ** 2 for size, weight in sizes)
        self._size, self._weight = sizes[0] if sizes else (1, 0.0)
        self._unpaired = ~column.answered
        self._own = _own_variances(column) if self._unpaired.any() else np.empty(0, np.float32)

    @cached_property
    def _scaled(self) -> NDArray[np.floating[Any]]:
        return _counted(self._column) if self._is_exact else _scaled(self._column)

    def of(self, rows: Rows, others: Rows = ALL) -> NDArray[np.float32]:
        """Return the variances between some rows and others: rows by others, greater than 0."""
        squares = self._squares(rows, others)
        if self._is_exact:
            variances = self._from_counts(squares, rows, others)
        else:
            variances = squares + self._least
        # Rounding may leave less than the least for rows that hardly differ.
        variances = np.maximum(variances, self._least, dtype=np.float32)
        if self._own.size:
            self._unpair(variances, rows, others)
        return variances

    def _squares(self, rows: Rows, others: Rows) -> Floats:
        """Return the squared lengths of the differences: rows by others."""
        if self._is_exact and len(few := self._bits[rows]) <= FEW_ROWS:
            bits = self._bits[others]
            return np.array([_count(bits ^ row) for row in few])
        squares = self._scaled[rows] @ self._scaled[others].T
        squares *= -2
        squares += self._lengths[rows, None]
        squares += self._lengths[others]
        return squares

    def _from_counts(
        self, differences: NDArray[np.float32], rows: Rows, others: Rows
    ) -> NDArray[np.float32]:
        """Return variances from the numbers of different answers, and from those of right ones."""
        leads = self._lengths[rows, None] - self._lengths[others]
        leads *= leads
        leads *= np.float32(-1 / self._size)
        leads += differences
        leads += 1
        leads *= np.float32((self._weight / self._size) ** 2)
        return leads

    def _unpair(self, variances: NDArray[np.float32], rows: Rows, others: Rows) -> None:
        """Put in the variances of independent scores where one row has no answers."""
        independent = self._own[rows, None] + self._own[others]
        independent += np.float32(max(self._least, LEAST))
        is_unpaired = self._unpaired[rows, None] | self._unpaired[others]
        np.copyto(variances, independent, where=is_unpaired)


def _count(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the number of bits in each row, which are fewer than 2**24."""
    return np.bitwise_count(bits).sum(axis=1, dtype=np.float32)


def _counted(column: Column) -> NDArray[np.float32]:
    counted = column.answers.astype(np.float32)
    counted[~column.answered] = 0
    return counted


def _scaled(column: Column) -> NDArray[np.float64]:
    scaled = column.answers.astype(np.float64)
    scaled[~column.answered] = 0
    for start, stop, weight in column.strata:
        part = scaled[:, start:stop]
        n = stop - start
        share = (1 - np.sqrt(2 / (n + 2))) / n
        part -= share * part.sum(axis=1)[:, None]
        part *= weight / (n + 2)
    return scaled


def _own_variances(column: Column) -> NDArray[np.float32]:
    """Return the variance of every row's score: of its answers, else as it came with the score."""
    variances = np.zeros(len(column.scores))
    for start, stop, weight in column.strata:
        part = column.answers[:, start:stop].astype(np.float32)
        variances += weight**2 * part.var(axis=1, dtype=np.float64) / max(stop - start - 1, 1)
    told = np.square(np.nan_to_num(column.stderrs))
    return np.where(column.answered, variances, told).astype(np.float32)


def score_of(answers: NDArray[Any], strata: Sequence[Stratum]) -> NDArray[np.float64]:
    """Return the scores that answers earn, one per row of them."""
    parts = [
        weight * answers[:, start:stop].mean(axis=1, dtype=np.float64)
        for start, stop, weight in strata
    ]
    return np.sum(parts, axis=0)
