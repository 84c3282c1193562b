"""The rows of the published board: ranking, and search by model. No I/O here."""

import math
import re
from typing import Any

import pyarrow as pa

from evalboard.board.table import arrow_type
from evalboard.errors import RecordError
from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import (
    BENCHMARK_SUFFIXES,
    IN_WORDS_SUFFIXES,
    MODEL_COLUMNS,
    POINTS_SUFFIX,
)
from evalboard.records.precision import Precision

SHORT_SHA = 8
BOARDS_RANK = "average__rank"
NEVER_MISSING = frozenset({"model", "sha", "complete", "ranked", "flags"})

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def checked_table(table: pa.Table, meta: BoardMeta) -> pa.Table:
    """Return a table in which the columns that the pages use are as they are built.

    Raises:
        RecordError: A column has values of another kind, or lacks values that no row can lack.
    """
    table.validate(full=True)
    scored = [b.key for b in meta.benchmarks]
    scored += [subject.key for b in meta.benchmarks for subject in b.subjects]
    suffixes = (*BENCHMARK_SUFFIXES, *IN_WORDS_SUFFIXES, POINTS_SUFFIX)
    names = (*MODEL_COLUMNS, *(key + suffix for key in scored for suffix in suffixes))
    for name in dict.fromkeys(names):
        if name in table.column_names:
            column = _checked_column(name, table.column(name))
            table = table.set_column(table.column_names.index(name), name, column)
    return table


def _checked_column(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    wanted = arrow_type(name)
    # Arrow makes a text of everything.
    if wanted == pa.string() and column.type not in (wanted, pa.large_string(), pa.null()):
        raise RecordError(f"Column {name!r} of the board is {column.type}, and should be text.")
    column = column.cast(wanted)
    if name in NEVER_MISSING and column.null_count:
        raise RecordError(f"Column {name!r} of the board has rows without a value.")
    return column


def rank_rows(table: pa.Table) -> pa.Table:
    """Return the rows, best first, with a column `rank` from 1. Equal averages share a rank.

    Rows to which the board gives no rank are below the others. Boards of earlier versions, which do
    not say it, rank complete rows, and compare all rows with one another.
    """
    says = "ranked" if "ranked" in table.column_names else "complete"
    is_ranked, averages, models = (values(table, name) for name in (says, "average", "model"))

    def place(row: int) -> tuple[bool, float, str]:
        average = averages[row]
        return (not is_ranked[row], math.inf if average is None else -average, models[row])

    order = sorted(range(table.num_rows), key=place)
    ranked = table.take(pa.array(order, pa.int64()))
    if BOARDS_RANK in table.column_names:
        return ranked.append_column("rank", ranked.column(BOARDS_RANK))
    ranks: list[int | None] = []
    for position, row in enumerate(order):
        if not is_ranked[row] or averages[row] is None:
            ranks.append(None)
        elif position and averages[order[position - 1]] == averages[row]:
            ranks.append(ranks[-1])
        else:
            ranks.append(position + 1)
    return ranked.append_column("rank", pa.array(ranks, pa.int64()))


def find_rows(table: pa.Table, model: str) -> list[dict[str, Any]]:
    """Return a model's rows, best first. A model has one row per way of evaluation.

    Args:
        table: The board.
        model: The model's name, or one that it had before and no other model has now.
    """
    if "model" not in table.column_names:
        return []
    found = [row for row, name in enumerate(values(table, "model")) if name == model]
    if not found:
        former = enumerate(values(table, "former_names"))
        found = [row for row, names in former if model in names]
    return clean_rows(table.take(pa.array(found, pa.int64())))


def names_of(row: dict[str, Any]) -> list[str]:
    """Return the name of a row's model, and those that it had before."""
    return [row["model"], *(row.get("former_names") or ())]


def clean_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return a table's rows with None for NaN."""
    return [{name: _clean(value) for name, value in row.items()} for row in table.to_pylist()]


def matches(row: dict[str, Any], query: dict[str, str]) -> bool:
    """Return whether a row matches the parts of an address. Omitted parts match any value."""
    own = {
        "sha": row["sha"][: len(query.get("sha", ""))],
        "precision": _precision(str(row.get("precision"))),
        "weights": str(row.get("weight_type")),
        "chat": chat_of(row),
    }
    asked = query | {"precision": _precision(query.get("precision", ""))}
    return all(own[name] == asked[name] for name in own if asked.get(name))


def chat_of(row: dict[str, Any]) -> str:
    """Return the part of an address that says how a row's prompts were made."""
    return "think" if row.get("enable_thinking") else str(int(bool(row.get("use_chat_template"))))


def _precision(text: str) -> str:
    """Return the current name of a precision: addresses may contain an earlier one."""
    return Precision.parse(text) or text


def hub_url(model: str, sha: str) -> str | None:
    """Return a model's page on the Hugging Face Hub.

    The result is None if the name is not that of a Hub repository, or the revision is not a commit:
    models from folders have the hash of their files.
    """
    if not _HUB_ID.fullmatch(model) or not _COMMIT.fullmatch(sha):
        return None
    return f"https://huggingface.co/{model}"


def values(table: pa.Table, name: str) -> list[Any]:
    """Return a column's values with None for NaN, an empty list without such a column."""
    if name not in table.column_names:
        return []
    return [_clean(value) for value in table.column(name).to_pylist()]


def _clean(value: Any) -> Any:
    return None if isinstance(value, float) and math.isnan(value) else value
