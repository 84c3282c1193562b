"""Ranks for the pages: of the whole board from its table, among some of its rows from the core. No I/O here."""

import hashlib
import logging
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from evalboard.board.standings import entry_name
from evalboard.identity import RowIdentity
from evalboard.ranking.published import PublishedAnswers
from evalboard.records.columns import RANK_SUFFIXES
from leaderboard_app.board_rows import values

logger = logging.getLogger(__name__)

PARTS = ("ranks", "low", "high")


class RankSource(NamedTuple):
    """What rows of a board are compared from."""

    answers: PublishedAnswers
    places: NDArray[np.intp]
    """By row of the board its place in `answers`, -1 for none."""


def rank_source(content: bytes, digest: str, table: pa.Table) -> RankSource | None:
    """Map a board's answers into memory, where the system can take them back. None if they are damaged.

    Args:
        content: `answers.bin`.
        digest: Its sha256.
        table: The board.
    """
    try:
        answers = _mapped(content, digest)
    except ValueError as exc:
        logger.warning("The answers of a board are not used; only its own ranks are shown: %s", exc)
        return None
    identities = zip(*(values(table, name) for name in RowIdentity._fields), strict=True)
    names = [entry_name(RowIdentity(*identity)) for identity in identities]
    return RankSource(answers, answers.find(names))


def _mapped(content: bytes, digest: str) -> PublishedAnswers:
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("the file is damaged")
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return PublishedAnswers(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def whole_ranks(table: pa.Table, key: str) -> dict[str, Any] | None:
    """Return the ranks of all rows of a board in a column; None if it has none."""
    columns = [key + suffix for suffix in RANK_SUFFIXES]
    if columns[0] not in table.column_names:
        return None
    found = {part: values(table, name) for part, name in zip(PARTS, columns, strict=True)}
    return {"column": key, "scope": "board"} | found


def ranks_among(
    source: RankSource, table: pa.Table, rows: Sequence[int], key: str
) -> dict[str, Any] | None:
    """Return the ranks of some rows of a board among each other; None if the column has none.

    `ranks`, `low` and `high` are in the order of `rows`, null for a row that nothing can be compared with.
    """
    if key not in source.answers.keys:
        return None
    apart = values(table.take(pa.array(rows, pa.int64())), "apart")
    places = source.places[list(rows)]
    known = np.flatnonzero(places >= 0)
    ranks, low, high, peers, _ = source.answers.rank(places[known], key)
    found: dict[str, list[int | None]] = {part: [None] * len(rows) for part in PARTS}
    for at, *place, alike in zip(
        *(a.tolist() for a in (known, ranks, low, high, peers)), strict=True
    ):
        if place[0] and not (apart and apart[at] and alike == 1):
            for part, number in zip(PARTS, place, strict=True):
                found[part][at] = number
    return {"column": key, "scope": "rows"} | found


def told_apart(
    source: RankSource | None, rows: Sequence[Mapping[str, Any]], key: str, among: Sequence[int]
) -> dict[str, Any]:
    """Return of each row whether it is told apart from the first, among how many models.

    Both are null where the board cannot say it.

    Args:
        source: What rows are compared from.
        rows: Rows of the board.
        key: Of a benchmark, or `average`.
        among: Rows that are compared; empty for the whole board.
    """
    unknown = {"models": None, "apart": [None] * len(rows)}
    if source is None or key not in source.answers.keys:
        return unknown
    names = [entry_name(RowIdentity(*(row[name] for name in RowIdentity._fields))) for row in rows]
    first, *others = source.answers.find(names).tolist()
    compared = source.places[list(among)] if among else None
    if min(first, *others) < 0:
        return unknown
    decided = [source.answers.are_told_apart(first, other, key, compared) for other in others]
    return {"models": decided[0][1], "apart": [None, *(apart for apart, _ in decided)]}
