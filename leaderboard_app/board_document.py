"""The board as the page and programs get it: JSON with one list per column. No I/O here."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from evalboard.records.request import ModelType
from evalboard.records.table import BoardMeta
from leaderboard_app.board_rows import SHORT_SHA, hub_url, values

SCHEMA_VERSION = 1
SENT_COLUMNS = (
    "rank",
    "model",
    "model_type",
    "average",
    "complete",
    "n_benchmarks",
    "flags",
    "precision",
    "weight_type",
    "use_chat_template",
    "params_billion",
    "license",
    "architecture",
    "base_model",
    "submitted_time",
    "finished_time",
    "sender",
    "backend",
    "lm_eval_version",
    # Not on every board.
    "hearts",
    "energy_kwh",
    "seconds",
    "merged",
    "moe",
    "available",
    "reported",
)
SCORE_SUFFIXES = ("", "__stderr", "__normalised")
# Four decimals of a fraction are 0.01 %, finer than any standard error here.
SENT_DECIMALS = 4

_MIXTURE = re.compile(r"moe|mixtral|dbrx", re.IGNORECASE)


def board_parts(meta: BoardMeta | None, table: pa.Table) -> Iterator[bytes]:
    """Yield the board as the browser gets it: JSON with one list per column, in rank order.

    Scores are fractions in [0, 1] with their standard errors; null where there is none. Columns
    that the table does not have are left out. How many questions a subject has stands in the
    description alone, which keeps the many columns of a group small. Where the table does not say
    which models are merged or mixtures of experts, their type and architecture do.

    A part is one column, so that the values of a large board are never all in memory as Python's.
    """
    description: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "meta": meta.model_dump(mode="json") if meta else None,
        "signs": {member.value: member.sign for member in ModelType},
        "rows": table.num_rows,
    }
    yield _json(description)[:-1] + b',"columns":{'
    separator = b""
    for name, column in _sent_columns(meta, table) if meta else ():
        yield separator + _json(name) + b":" + _json(column)
        separator = b","
    yield b"}}"


def _sent_columns(meta: BoardMeta, table: pa.Table) -> Iterator[tuple[str, list[Any]]]:
    scored = [b.key for b in meta.benchmarks]
    scored += [subject.key for b in meta.benchmarks for subject in b.subjects]
    scores = {"average", *(key + suffix for key in scored for suffix in SCORE_SUFFIXES)}
    names = [*SENT_COLUMNS, *sorted(scores - set(SENT_COLUMNS))]
    names += [f"{b.key}__n" for b in meta.benchmarks]
    for name in names:
        if name in table.column_names:
            column = values(table, name)
            if name in scores:
                column = [None if v is None else round(v, SENT_DECIMALS) for v in column]
            elif name == "model_type":
                column = [ModelType.parse(str(text)).value for text in column]
            yield name, column
        elif name in _KINDS and _KINDS[name].column in table.column_names:
            kind = _KINDS[name]
            yield name, [kind.is_one(str(text)) for text in values(table, kind.column)]
    models, shas = values(table, "model"), values(table, "sha")
    yield "sha8", [sha[:SHORT_SHA] for sha in shas]
    known = [hub_url(model, sha) is not None for model, sha in zip(models, shas, strict=True)]
    yield "on_hub", known


class _Kind(NamedTuple):
    """How another column tells of what the table has no column for."""

    column: str
    is_one: Callable[[str], bool]


_KINDS = {
    "merged": _Kind("model_type", lambda text: ModelType.parse(text) is ModelType.MERGE),
    "moe": _Kind("architecture", lambda text: _MIXTURE.search(text) is not None),
}


def _json(value: Any) -> bytes:
    """Return JSON. NaN is not JSON and raises `ValueError`."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
