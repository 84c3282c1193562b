"""The board's table: ranked, shaped for the browser, looked up by model. No I/O here."""

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from evalboard.errors import RecordError
from evalboard.records.request import ModelType
from evalboard.records.table import TABLE_FILE, BoardMeta

SCHEMA_VERSION = 1
REQUIRED_COLUMNS = ("model", "sha", "average", "complete")
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
SHORT_SHA = 8
# Four decimals of a fraction are 0.01 %, finer than any standard error here.
SENT_DECIMALS = 4

_MIXTURE = re.compile(r"moe|mixtral|dbrx", re.IGNORECASE)
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def check_table(table: pa.Table) -> None:
    """Check that the columns are there without which there is no board.

    Raises:
        RecordError: One is missing.
    """
    if missing := [name for name in REQUIRED_COLUMNS if name not in table.column_names]:
        raise RecordError(
            f"{TABLE_FILE!r} in the board store has no column {missing[0]!r}. Build the board again."
        )


def rank_rows(table: pa.Table) -> pa.Table:
    """Return the rows best first with a column `rank`, from 1, equal averages sharing a rank.

    Rows without all benchmarks stand below the complete ones and have no rank: their average is not
    that of the others.
    """
    complete, averages, models = (values(table, name) for name in ("complete", "average", "model"))

    def place(row: int) -> tuple[bool, float, str]:
        average = averages[row]
        return (not complete[row], math.inf if average is None else -average, models[row])

    order = sorted(range(table.num_rows), key=place)
    ranks: list[int | None] = []
    for position, row in enumerate(order):
        if not complete[row] or averages[row] is None:
            ranks.append(None)
        elif position and averages[order[position - 1]] == averages[row]:
            ranks.append(ranks[-1])
        else:
            ranks.append(position + 1)
    ranked = table.take(pa.array(order, pa.int64()))
    return ranked.append_column("rank", pa.array(ranks, pa.int64()))


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


def find_rows(table: pa.Table, model: str) -> list[dict[str, Any]]:
    """Return a model's rows, best first; several when it was evaluated in several ways."""
    if "model" not in table.column_names:
        return []
    found = [row for row, name in enumerate(values(table, "model")) if name == model]
    return [_clean_row(row) for row in table.take(pa.array(found, pa.int64())).to_pylist()]


def matches(row: dict[str, Any], query: dict[str, str]) -> bool:
    """Say whether a row is the one that a details address names; what it leaves out fits all."""
    own = {
        "sha": row["sha"][: len(query.get("sha", ""))],
        "precision": str(row.get("precision")),
        "weights": str(row.get("weight_type")),
        "chat": str(int(bool(row.get("use_chat_template")))),
    }
    return all(own[name] == query[name] for name in own if query.get(name))


def hub_url(model: str, sha: str) -> str | None:
    """Return a model's page on the Hugging Face Hub.

    None when the name is not that of a Hub repository, or the revision not a commit: models from
    folders have the hash of their files there.
    """
    if not _HUB_ID.fullmatch(model) or not _COMMIT.fullmatch(sha):
        return None
    return f"https://huggingface.co/{model}"


def values(table: pa.Table, name: str) -> list[Any]:
    """Return a column's values with None for NaN; nothing when there is no such column."""
    if name not in table.column_names:
        return []
    return [_clean(value) for value in table.column(name).to_pylist()]


def _clean_row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _clean(value) for name, value in row.items()}


def _clean(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
