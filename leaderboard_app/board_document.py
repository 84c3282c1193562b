"""The board for the page and for programs: JSON with one list per column. No I/O here."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import COLUMNS, MODEL_COLUMNS, Column
from evalboard.records.request import ModelType
from leaderboard_app.board_rows import BOARDS_RANK, SHORT_SHA, hub_url, values

SCHEMA_VERSION = 1
SCORE_SUFFIXES = ("", "__stderr", "__normalised")
# Four decimals of a fraction are 0.01 %, finer than any standard error here.
SENT_DECIMALS = 4

# They stand in the model's name and in `rank`.
NOT_SENT = {"org", BOARDS_RANK}


def board_parts(meta: BoardMeta | None, table: pa.Table) -> Iterator[bytes]:
    """Yield the board for the browser: JSON with one list per column, in rank order.

    Scores are fractions in [0, 1] with their standard errors, or null if missing. Columns that the
    table does not have are omitted. Only the description contains a subject's number of questions,
    which keeps the many columns of a group small. Full hashes are omitted, because they cannot be
    compressed.

    Each part is one column, so the values of a large board are never all in memory as Python
    objects.
    """
    description: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "meta": meta.model_dump(mode="json") if meta else None,
        "signs": {member.value: member.sign for member in ModelType},
        "described": [_describe(column) for column in COLUMNS if column.title],
        "rows": table.num_rows,
    }
    yield _json(description)[:-1] + b',"columns":{'
    separator = b""
    for name, column in _sent_columns(meta, table) if meta else ():
        yield separator + _json(name) + b":" + _json(column)
        separator = b","
    yield b"}}"


def _describe(column: Column) -> dict[str, Any]:
    title = column.title._asdict() if column.title else None
    return column._asdict() | {"key": _sent_name(column.key), "title": title}


def _sent_name(key: str) -> str:
    return "sha8" if key == "sha" else key


def _sent_columns(meta: BoardMeta, table: pa.Table) -> Iterator[tuple[str, list[Any]]]:
    facts = [key for key in MODEL_COLUMNS if key not in NOT_SENT]
    scored = [b.key for b in meta.benchmarks]
    scored += [subject.key for b in meta.benchmarks for subject in b.subjects]
    scores = sorted(key + suffix for key in scored for suffix in SCORE_SUFFIXES)
    counts = [f"{b.key}__n" for b in meta.benchmarks]
    for name in ("rank", *facts, *scores, *counts):
        if name in table.column_names:
            shorten = _SHORTEN.get(name) or (_round if name in scores else None)
            column = values(table, name)
            yield _sent_name(name), [shorten(v) for v in column] if shorten else column
    models, shas = values(table, "model"), values(table, "sha")
    known = [hub_url(model, sha) is not None for model, sha in zip(models, shas, strict=True)]
    yield "on_hub", known


def _round(score: float | None) -> float | None:
    return None if score is None else round(score, SENT_DECIMALS)


_SHORTEN: dict[str, Callable[[Any], Any]] = {
    "average": _round,
    "model_type": lambda text: ModelType.parse(str(text)).value,
    "sha": lambda sha: sha[:SHORT_SHA],
}


def _json(value: Any) -> bytes:
    """Return JSON. NaN is not JSON and raises `ValueError`."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
