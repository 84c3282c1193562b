"""The board for the page and for programs: JSON with one list per column. No I/O here."""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa

from evalboard.board.statistics import Z_95
from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import COLUMNS, MODEL_COLUMNS, Column
from evalboard.records.request import ModelType
from leaderboard_app.board_rows import BOARDS_RANK, SHORT_SHA, hub_url, values

SCHEMA_VERSION = 1
SCORE_SUFFIXES = ("", "__stderr", "__normalised")
SCORE_DECIMALS = 5
"""Fractions of up to 100,000 questions stay distinct, so rows sort as the exact ones."""
SENT_DECIMALS = 4
"""Of what is shown beside a score."""
SHOWN_DECIMALS = (3, 4)
"""Decimals of the fractions on the pages: percentages with one and two."""
MOST_DECIMALS = 17

# They stand in the model's name and in `rank`.
NOT_SENT = {"org", BOARDS_RANK}


FIRST_ROWS = 100
"""Rows that a page can draw before the others have come."""


def first_parts(meta: BoardMeta, table: pa.Table) -> Iterator[bytes]:
    """Yield the board with its first rows alone, and without what the operator and others say of models."""
    brief = meta.model_copy(update={"gone": (), "notices": (), "reported": ()})
    return board_parts(brief, table.slice(0, FIRST_ROWS), all_rows=table.num_rows)


def board_parts(
    meta: BoardMeta | None, table: pa.Table, *, all_rows: int | None = None
) -> Iterator[bytes]:
    """Yield the board for the browser: JSON with one list per column, in rank order.

    Scores are fractions in [0, 1] with their standard errors, or null if missing. Columns that the
    table does not have are omitted. Only the description contains a subject's number of questions,
    which keeps the many columns of a group small. Full hashes are omitted, because they cannot be
    compressed.

    Each part is one column, so the values of a large board are never all in memory as Python
    objects.

    Args:
        meta: The board, None before the first build.
        table: Its rows.
        all_rows: Number of rows of the board, if the table has only the first of them.
    """
    description: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "meta": meta.model_dump(mode="json") if meta else None,
        "interval_errors": round(Z_95, 4),
        "described": [_describe(column) for column in COLUMNS if column.title],
        "rows": table.num_rows,
        "all_rows": table.num_rows if all_rows is None else all_rows,
        "bounds": _bounds(meta, table) if meta else {},
    }
    yield _json(description)[:-1] + b',"columns":{'
    separator = b""
    for name, column in _sent_columns(meta, table) if meta else ():
        yield separator + _json(name) + b":" + _json(column)
        separator = b","
    yield b"}}"


def _describe(column: Column) -> dict[str, Any]:
    return column._asdict() | {"key": _sent_name(column.key)}


def _sent_name(key: str) -> str:
    return "sha8" if key == "sha" else key


def _sent_columns(meta: BoardMeta, table: pa.Table) -> Iterator[tuple[str, list[Any]]]:
    facts = [key for key in MODEL_COLUMNS if key not in NOT_SENT]
    scored = [b.key for b in meta.benchmarks]
    scored += [subject.key for b in meta.benchmarks for subject in b.subjects]
    scores = sorted(key + suffix for key in scored for suffix in SCORE_SUFFIXES)
    counts = [f"{b.key}__n" for b in meta.benchmarks]
    beside = partial(shorten_score, decimals=SENT_DECIMALS)
    shorten = dict.fromkeys(scores, beside) | dict.fromkeys(scored, shorten_score) | _SHORTEN
    for name in ("rank", *facts, *scores, *counts):
        if name in table.column_names:
            column = values(table, name)
            if name in shorten:
                column = [shorten[name](value) for value in column]
            yield _sent_name(name), column
    models, shas = values(table, "model"), values(table, "sha")
    known = [hub_url(model, sha) is not None for model, sha in zip(models, shas, strict=True)]
    yield "on_hub", known


def _bounds(meta: BoardMeta, table: pa.Table) -> dict[str, dict[int, float | None]]:
    """Return where the 95 % interval of a score without a standard error ends.

    A score of 0 or 1 has a standard error of 0 and is not certain for that. The result has a benchmark's
    rows with one of them: the lower end for 1, the upper one for 0.
    """
    found: dict[str, dict[int, float | None]] = {}
    for key in (benchmark.key for benchmark in meta.benchmarks):
        ends = {0.0: values(table, f"{key}__high"), 1.0: values(table, f"{key}__low")}
        errors, scores = values(table, f"{key}__stderr"), values(table, key)
        rows = [row for row, error in enumerate(errors) if error == 0 and scores[row] in ends]
        if rows and all(ends.values()):
            found[key] = {row: shorten_score(ends[scores[row]][row]) for row in rows}
    return found


def shorten_score(score: float | None, decimals: int = SCORE_DECIMALS) -> float | None:
    """Round a fraction to the fewest decimals from which a page rounds as from the exact one.

    Half of a shown digit would be rounded once more: 0.8164996 keeps seven decimals, because 0.81650
    shows as 81.7 % instead of 81.6 %.
    """
    if score is None:
        return None
    for length in range(decimals, MOST_DECIMALS):
        short = round(score, length)
        if short == score or not _is_half(short, length):
            return short
    return score


def _is_half(short: float, decimals: int) -> bool:
    """Return whether a fraction is in the middle between two that are shown."""
    units = round(short * 10**decimals)
    spare = [decimals - shown for shown in SHOWN_DECIMALS]
    return units % 5 == 0 and any(units % 10**more == 5 * 10 ** (more - 1) for more in spare)


_SHORTEN: dict[str, Callable[[Any], Any]] = {
    "average": shorten_score,
    "model_type": lambda text: ModelType.parse(str(text)).value,
    "sha": lambda sha: sha[:SHORT_SHA],
}


def _json(value: Any) -> bytes:
    """Return JSON. NaN is not JSON and raises `ValueError`."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
