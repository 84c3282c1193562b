"""The published board in other people's formats.

CSV, JSON and Parquet have every column, for programs. Markdown and LaTeX (with the package booktabs) have
rank, model, average and every benchmark in percent, for readers.
"""

import io
import json
import re
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from evalboard.errors import ConfigError
from evalboard.records.board_files import BoardMeta
from evalboard.records.columns import RANK_SUFFIXES

MISSING = "—"
_FORMULA = re.compile(r"\s*[=+\-@\t\r]")
"""The beginning of a text that a spreadsheet takes for a formula."""


def export(table: pa.Table, meta: BoardMeta, ending: str) -> bytes:
    """Return a board as a file.

    Args:
        table: The table, one row per model.
        meta: What it is of.
        ending: Of the file's name, one of `FORMATS`.

    Raises:
        ConfigError: There is no such format.
    """
    if ending not in FORMATS:
        raise ConfigError(f"No format of a board ends in {ending!r}. Use {', '.join(FORMATS)}.")
    return FORMATS[ending](table, meta)


def _to_csv(table: pa.Table, meta: BoardMeta) -> bytes:
    # With the byte order mark, spreadsheets read it as UTF-8.
    return table.to_pandas().map(_harmless).to_csv(index=False).encode("utf-8-sig")


def _harmless(value: object) -> object:
    """Return a value as a spreadsheet may see it: a text that runs nothing, and no list."""
    text = " ".join(value) if isinstance(value, np.ndarray) else value
    return f"'{text}" if isinstance(text, str) and _FORMULA.match(text) else text


def _to_json(table: pa.Table, meta: BoardMeta) -> bytes:
    of = {"suite", "title", "built_at", "content_hash", "reported"}
    document = {**meta.model_dump(mode="json", include=of), "rows": table.to_pylist()}
    return json.dumps(document, ensure_ascii=False, indent=1).encode()


def _to_parquet(table: pa.Table, meta: BoardMeta) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _to_markdown(table: pa.Table, meta: BoardMeta) -> bytes:
    frame = _readable(table, meta)
    alignment = ["---" if name == "Model" else "---:" for name in frame.columns]
    rows = [list(frame.columns), alignment, *frame.to_numpy().tolist()]
    lines = ["| " + " | ".join(_in_markdown(str(cell)) for cell in row) + " |" for row in rows]
    return f"{_caption(meta)}\n\n{chr(10).join(lines)}\n".encode()


def _in_markdown(text: str) -> str:
    return re.sub(r"([\\`*_|<>\[\]])", r"\\\1", text)


def _to_latex(table: pa.Table, meta: BoardMeta) -> bytes:
    frame = _readable(table, meta)
    columns = "".join("l" if name == "Model" else "r" for name in frame.columns)
    body = frame.to_latex(index=False, escape=True, column_format=columns)
    dashed = body.replace(MISSING, "---").replace("–", "--")
    return f"% {_caption(meta)}\n{dashed}".encode()


def _caption(meta: BoardMeta) -> str:
    title = " ".join(meta.title.split())
    return f"{title}, {meta.built_at}: percent, with intervals of 95 %; ranks with their ranges."


def _readable(table: pa.Table, meta: BoardMeta) -> pd.DataFrame:
    """Return the table for readers, as texts."""
    titles = [" ".join(benchmark.title.split()) for benchmark in meta.benchmarks]
    rows = [
        [_rank(row), str(row["model"]), _percent(row, "average")]
        + [_percent(row, benchmark.key) for benchmark in meta.benchmarks]
        for row in table.to_pylist()
    ]
    return pd.DataFrame(rows, columns=["Rank", "Model", "Average", *titles])


def _rank(row: dict[Hashable, Any]) -> str:
    rank, low, high = (row.get(f"average{suffix}") for suffix in RANK_SUFFIXES)
    return MISSING if rank is None else f"{rank:.0f} ({low:.0f}–{high:.0f})"


def _percent(row: dict[Hashable, Any], column: str) -> str:
    score, low, high = (row.get(name) for name in (column, f"{column}__low", f"{column}__high"))
    if score is None:
        return MISSING
    interval = "" if low is None or high is None else f" ({100 * low:.1f}–{100 * high:.1f})"
    return f"{100 * score:.1f}{interval}"


FORMATS: dict[str, Callable[[pa.Table, BoardMeta], bytes]] = {
    ".csv": _to_csv,
    ".json": _to_json,
    ".md": _to_markdown,
    ".parquet": _to_parquet,
    ".tex": _to_latex,
}
"""What writes a board, by the ending of the file's name."""
