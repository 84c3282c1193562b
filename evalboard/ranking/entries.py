"""What is ranked: the rows of a board with all their answers, and which of them are as they were before."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.ranking.comparing import Column

ROWS_IN_CACHE = 256
"""Rows whose answers are compared at a time: they stay in the processor's cache."""
AVERAGE = "average"
"""Key of the average among the rankings."""


class Average(NamedTuple):
    """The average of a board."""

    scores: NDArray[np.float64]
    """Of every row; NaN where a row has none."""
    weights: Mapping[str, float]
    """What a difference in a benchmark counts in the average, by key. Others do not count."""


class Entries(NamedTuple):
    """Everything that is ranked: the rows of a board with all their answers."""

    names: Sequence[str]
    """Of the rows, each once."""
    columns: Sequence[Column]
    average: Average


def peers_of_all(entries: Entries) -> NDArray[np.int64]:
    """Return numbers that are equal where rows were measured alike in all that the average is of."""
    combined = np.zeros(len(entries.names), np.int64)
    for column in entries.columns:
        if entries.average.weights.get(column.key):
            combined = combined * 1_000_003 + column.peers  # wraps around
    return combined


def unchanged(before: Entries, now: Entries) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the places of rows with the same answers and scores, now and before."""
    nothing = np.empty(0, np.intp), np.empty(0, np.intp)
    if [_asked(column) for column in now.columns] != [_asked(column) for column in before.columns]:
        return nothing
    if dict(before.average.weights) != dict(now.average.weights):
        return nothing
    places = {name: place for place, name in enumerate(before.names)}
    both = [(at, places[name]) for at, name in enumerate(now.names) if name in places]
    here, there = (np.array([pair[side] for pair in both], np.intp) for side in (0, 1))
    same = _equal(before.average.scores[there], now.average.scores[here])
    for old, new in zip(before.columns, now.columns, strict=True):
        for name in ("scores", "answered", "stderrs", "peers"):
            same &= _equal(getattr(old, name)[there], getattr(new, name)[here])
        same &= _equal_answers(old.answers, there, new.answers, here)
    return here[same], there[same]


def _equal_answers(
    old: NDArray[Any], there: NDArray[np.intp], new: NDArray[Any], here: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Return which rows have the same answers; some at a time, which stay in the processor's cache."""
    found = [np.empty(0, np.bool_)]
    for start in range(0, len(here), ROWS_IN_CACHE):
        some = slice(start, start + ROWS_IN_CACHE)
        found.append((old[there[some]] == new[here[some]]).all(axis=1))
    return np.concatenate(found)


def _asked(column: Column) -> tuple[Any, ...]:
    """Return what the answers of a column are to."""
    return column.key, column.questions, column.strata, column.answers.dtype


def _equal(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    equal = first == second
    if first.dtype.kind == "f":
        equal |= np.isnan(first) & np.isnan(second)
    return equal
