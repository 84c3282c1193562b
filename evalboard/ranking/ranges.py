"""Rank ranges: between which ranks a row lies, with 95 % confidence for each row by itself.

The marginal confidence sets for ranks of M. Mogstad, J. P. Romano, A. M. Shaikh and D. Wilhelm,
"Inference for Ranks with Applications to Mobility across Neighbourhoods and Academic Achievement across
Countries", Review of Economic Studies 91 (2024), 476-518: a row is compared with every other row; its
best rank is 1 + the number of rows significantly better, its worst one the number of rows - the number
significantly worse.

Which differences are significant, S. Holm's step-down method decides over the row's comparisons ("A
Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6 (1979),
65-70). On a board of more than `HOLM_ROWS` rows C. E. Bonferroni's decides, for a number of comparisons
that is rounded up to a power of two: whether two rows differ then depends on no third one, so that a
new row needs no other pair again.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, partial
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evalboard.ranking.comparing import ALL, Column, Rows, Variances, some_rows
from evalboard.ranking.entries import AVERAGE, Entries, peers_of_all, unchanged
from evalboard.ranking.limits import critical_value, holm_limits

HOLM_ROWS = 2000
"""On boards of more rows, Bonferroni's method takes the place of Holm's."""
ROWS_PER_BLOCK = 255
"""Rows that are compared at a time: their number fits into one byte."""
HOLM_ROWS_PER_BLOCK = 512
"""The same for Holm's method. The product of so few rows with themselves costs half: it is symmetric."""
OTHERS_PER_BLOCK = 8 * ROWS_PER_BLOCK
"""Rows with which they are compared at a time: what belongs to the pairs stays in the processor's cache."""
SAMPLE_ROWS = 250
"""Rows whose pairs tell the median variance, where there are more."""
CHANGED_SHARE = 1 / 8
"""Of the rows. Where more have changed, all pairs are compared again."""

_normal = NormalDist()
EFFECT = _normal.inv_cdf(0.975) + _normal.inv_cdf(0.8)
"""Standard errors of a difference that is found in 80 % of tests at the level of 5 %: about 2.8."""


class Counts(NamedTuple):
    """How many rows are significantly better and worse than each row of a column."""

    better: NDArray[np.int32]
    worse: NDArray[np.int32]


class Ranking(NamedTuple):
    """One column's ranks. Ranks begin with 1 among peers; all are 0 for a row without a score."""

    ranks: NDArray[np.int32]
    """1 + the number of rows with a higher score; equal scores share a rank."""
    best: NDArray[np.int32]
    """1 + the number of rows that are significantly better."""
    worst: NDArray[np.int32]
    """Number of rows with a score - the number that are significantly worse."""
    peers: NDArray[np.int32]
    """Number of rows that are ranked together, with the row itself."""
    smallest_difference: float
    """Difference of two typical rows that is found in 80 % of comparisons, each taken alone at a level
    of 5 %: its minimum detectable effect. A fraction; NaN with fewer than two rows, or where it was not
    asked for."""

    @property
    def shares_first(self) -> NDArray[np.bool_]:
        """Whether no other row is significantly better than a row."""
        return self.best == 1


class Earlier(NamedTuple):
    """What was ranked before, so that only changed rows are compared."""

    entries: Entries
    counts: Mapping[str, Counts]


class Ranked(NamedTuple):
    """All ranks of a board."""

    rankings: dict[str, Ranking]
    """By key, and the average as `AVERAGE`."""
    counts: dict[str, Counts]


def rank(
    entries: Entries,
    earlier: Earlier | None = None,
    *,
    holm_rows: int = HOLM_ROWS,
    keys: Collection[str] | None = None,
) -> Ranked:
    """Rank all rows of a board in every column and in the average.

    The variance of an average is that of its weighted parts, which are of different questions.

    Args:
        entries: The rows.
        earlier: What was ranked before, for boards of more than `holm_rows` rows.
        holm_rows: Up to this number of rows, Holm's method decides; above, Bonferroni's.
        keys: Which columns to rank the rows in, without their smallest differences; all by default.
    """
    pairs = _Pairs(entries, keys)
    if len(entries.names) <= holm_rows:
        counts = _count_by_holm(pairs)
    else:
        counts = (earlier and _recount(pairs, earlier)) or _count_by_bonferroni(pairs)
    smallest = partial(_smallest_difference, pairs) if keys is None else lambda _: float("nan")
    rankings = {
        key: _ranking(field, counts[key], smallest(key)) for key, field in pairs.fields.items()
    }
    return Ranked(rankings, counts)


class Differences:
    """The differences between all rows of one column, and which of them are significant."""

    def __init__(self, column: Column) -> None:
        self._field = _Field(column.scores, column.peers)
        self._leads = self._field.leads(ALL, ALL) / np.sqrt(Variances(column).of(ALL))

    def told_apart(
        self, *, holm_rows: int = HOLM_ROWS
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return for every row which rows are significantly better, and which worse: rows by rows.

        Args:
            holm_rows: Up to this number of rows, Holm's method decides; above, Bonferroni's.
        """
        limits = self._field.limits
        if len(self._leads) <= holm_rows:
            limits = holm_limits(self._leads, self._field.sizes - 1)
        return self._leads < -limits[:, None], self._leads > limits[:, None]


def leads_of_first(entries: Entries, key: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return by how much the first row leads over the others, in standard errors, and which are its peers.

    A row without a score, or measured otherwise than the first one, is no peer, and its lead is 0.
    """
    pairs = _Pairs(entries, [key])
    field, first, others = pairs.fields[key], slice(0, 1), slice(1, None)
    leads = field.leads(first, others)
    for _, variances in pairs.variances(first, others):
        leads = leads / np.sqrt(variances)
    is_peer = field.here[1:] & (field.peers[1:] == field.peers[0])
    return leads[0], is_peer


class _Field:
    """The scores of one column, of which those of peers are compared."""

    def __init__(self, scores: NDArray[np.float64], peers: NDArray[np.int64]) -> None:
        self.scores, self.peers = scores, peers
        self.here = ~np.isnan(scores)
        self._is_whole = bool(self.here.all())
        kinds, place, sizes = np.unique(peers[self.here], return_inverse=True, return_counts=True)
        self._is_one = len(kinds) <= 1
        self.sizes = np.zeros(len(scores), np.int32)
        self.sizes[self.here] = sizes[place]
        rounded = 1 << np.ceil(np.log2(np.maximum(self.sizes, 1))).astype(np.int64)
        values, which = np.unique(rounded, return_inverse=True)
        self.limits = np.array([critical_value(int(value)) for value in values], np.float32)[which]
        self.rounded = dict(
            zip(peers[self.here].tolist(), rounded[self.here].tolist(), strict=True)
        )

    def leads(self, rows: Rows, others: Rows) -> NDArray[np.float32]:
        """Return by how much some rows lead over others; 0 where they are not compared."""
        leads = (self.scores[rows, None] - self.scores[others]).astype(np.float32)
        if not self._is_whole:
            np.nan_to_num(leads, copy=False, nan=0.0)
        if not self._is_one:
            leads[self.peers[rows, None] != self.peers[others]] = 0
        return leads


class _Pairs:
    """All pairs of rows, in all columns and in the average."""

    def __init__(self, entries: Entries, keys: Collection[str] | None = None) -> None:
        self.entries = entries
        fields = {c.key: _Field(c.scores, c.peers) for c in entries.columns}
        fields[AVERAGE] = _Field(entries.average.scores, peers_of_all(entries))
        self.fields = {key: fields[key] for key in (fields if keys is None else keys)}

    @cached_property
    def _variances(self) -> dict[str, Variances]:
        return {column.key: Variances(column) for column in self.entries.columns}

    def variances(self, rows: Rows, others: Rows) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the variances between some rows and others by column, those of the average last.

        What is yielded is used up before the next.
        """
        of_average: NDArray[np.float32] | np.float32 = np.float32(0)
        weights = self.entries.average.weights
        for key, variances in self._variances.items():
            between = variances.of(rows, others)
            if key in self.fields:
                yield key, between
            if weight := weights.get(key, 0.0):
                between *= np.float32(weight**2)
                of_average = of_average + between
        if isinstance(of_average, np.ndarray) and AVERAGE in self.fields:
            yield AVERAGE, of_average

    def some(self, rows: NDArray[np.intp]) -> "_Pairs":
        """Return the pairs of some rows, whose differences are as significant as among all rows."""
        entries, average = self.entries, self.entries.average
        found = _Pairs(
            Entries(
                [entries.names[int(row)] for row in rows],
                [some_rows(column, rows) for column in entries.columns],
                average._replace(scores=average.scores[rows]),
            )
        )
        for key, field in found.fields.items():
            field.limits = self.fields[key].limits[rows]
        return found

    def typical_variance(self, key: str, rows: Rows) -> float:
        """Return the median variance of the pairs of some rows, at least two."""
        weights = self.entries.average.weights if key == AVERAGE else {key: 1.0}
        between = sum(
            np.float32(weight**2) * Variances(some_rows(column, rows)).of(ALL)
            for column in self.entries.columns
            if (weight := weights.get(column.key))
        )
        between = np.asarray(between)
        return float(np.median(between[np.triu_indices(len(between), 1)]))

    def told_apart(
        self, rows: Rows, others: Rows
    ) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Yield by column where rows are significantly behind others, and where ahead (Bonferroni)."""
        for key, variances in self.variances(rows, others):
            field = self.fields[key]
            leads = field.leads(rows, others)
            leads *= np.abs(leads)
            variances = variances * np.square(field.limits[rows, None])
            yield key, leads < -variances, leads > variances

    def told_apart_from_all(
        self, rows: NDArray[np.intp]
    ) -> Iterator[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Do as `told_apart` does for a few rows and all others, of which it scales some at a time."""
        found: dict[str, list[tuple[NDArray[np.bool_], NDArray[np.bool_]]]] = {}
        asked, others = slice(0, len(rows)), slice(len(rows), None)
        for part in _portions(np.arange(len(self.entries.names))):
            some = self.some(np.concatenate([rows, part]))
            for key, *sides in some.told_apart(asked, others):
                found.setdefault(key, []).append((sides[0], sides[1]))
        for key, parts in found.items():
            behind, ahead = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
            yield key, behind, ahead

    def empty_counts(self) -> dict[str, Counts]:
        """Return counts of zero."""
        count = len(self.entries.names)
        return {
            key: Counts(np.zeros(count, np.int32), np.zeros(count, np.int32)) for key in self.fields
        }


def _count_by_holm(pairs: _Pairs) -> dict[str, Counts]:
    counts = pairs.empty_counts()
    for rows in _blocks(0, len(pairs.entries.names), HOLM_ROWS_PER_BLOCK):
        for key, variances in pairs.variances(rows, ALL):
            field = pairs.fields[key]
            leads = field.leads(rows, ALL) / np.sqrt(variances)
            limits = holm_limits(leads, field.sizes[rows] - 1)[:, None]
            counts[key].better[rows] = np.count_nonzero(leads < -limits, axis=1)
            counts[key].worse[rows] = np.count_nonzero(leads > limits, axis=1)
    return counts


def _count_by_bonferroni(pairs: _Pairs) -> dict[str, Counts]:
    """Compare every pair once: what one row is ahead, the other is behind."""
    counts, count = pairs.empty_counts(), len(pairs.entries.names)
    for rows in _blocks(0, count, ROWS_PER_BLOCK):
        for others in _blocks(rows.start, count, OTHERS_PER_BLOCK):
            later = slice(max(rows.stop, others.start), others.stop)
            own = later.start - others.start
            for key, behind, ahead in pairs.told_apart(rows, others):
                better, worse = counts[key]
                better[rows] += _by_row(behind)
                worse[rows] += _by_row(ahead)
                better[later] += _by_column(ahead[:, own:])
                worse[later] += _by_column(behind[:, own:])
    return counts


def _recount(pairs: _Pairs, earlier: Earlier) -> dict[str, Counts] | None:
    """Compare only rows that are new, changed or gone. None if that is not enough, or no less work."""
    before, now = earlier.entries, pairs.entries
    kept, kept_before = unchanged(before, now)
    fresh = np.setdiff1d(np.arange(len(now.names)), kept)
    gone = np.setdiff1d(np.arange(len(before.names)), kept_before)
    if len(fresh) + len(gone) > CHANGED_SHARE * len(now.names):
        return None
    old = _Pairs(before)
    if any(old.fields[key].rounded != field.rounded for key, field in pairs.fields.items()):
        return None
    counts = pairs.empty_counts()
    for key, (better, worse) in counts.items():
        better[kept] = earlier.counts[key].better[kept_before]
        worse[kept] = earlier.counts[key].worse[kept_before]
    for rows in _portions(gone):
        for key, behind, ahead in old.told_apart_from_all(rows):
            counts[key].better[kept] -= _by_column(ahead)[kept_before]
            counts[key].worse[kept] -= _by_column(behind)[kept_before]
    for rows in _portions(fresh):
        for key, behind, ahead in pairs.told_apart_from_all(rows):
            better, worse = counts[key]
            better[kept] += _by_column(ahead)[kept]
            worse[kept] += _by_column(behind)[kept]
            better[rows], worse[rows] = _by_row(behind), _by_row(ahead)
    return counts


def _ranking(field: _Field, counts: Counts, smallest_difference: float) -> Ranking:
    ranks = np.zeros(len(field.scores), np.int32)
    for kind in np.unique(field.peers[field.here]):
        own = field.here & (field.peers == kind)
        ordered = np.sort(field.scores[own])
        ranks[own] = 1 + len(ordered) - np.searchsorted(ordered, field.scores[own], side="right")
    return Ranking(
        ranks=ranks,
        best=np.where(field.here, 1 + counts.better, 0).astype(np.int32),
        worst=np.where(field.here, field.sizes - counts.worse, 0).astype(np.int32),
        peers=field.sizes,
        smallest_difference=smallest_difference,
    )


def _smallest_difference(pairs: _Pairs, key: str) -> float:
    """Return the minimum detectable effect of typical rows, among the most that are peers."""
    field = pairs.fields[key]
    most = np.flatnonzero(field.here & (field.sizes == field.sizes.max(initial=0)))
    most = most[field.peers[most] == field.peers[most[:1]]]
    if len(most) < 2:
        return float("nan")
    sample = most[:: -(-len(most) // SAMPLE_ROWS)]
    return EFFECT * pairs.typical_variance(key, sample) ** 0.5


def _by_row(pairs: NDArray[np.bool_]) -> NDArray[np.intp]:
    return np.array([np.count_nonzero(row) for row in pairs], np.intp)


def _by_column(pairs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.add.reduce(pairs.view(np.uint8), axis=0, dtype=np.uint8)


def _blocks(start: int, count: int, size: int) -> Iterator[slice]:
    for begin in range(start, count, size):
        yield slice(begin, min(begin + size, count))


def _portions(rows: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    for block in _blocks(0, len(rows), ROWS_PER_BLOCK):
        yield rows[block]
