"""The whole board as a file: every column in full precision, the best rows first. No I/O here."""

import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv

from evalboard.records.parquet import is_text, parquet_file
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.responses import PreparedFile, PreparedResponse, prepare_file, prepare_parts

ROWS_AT_ONCE = 1000
FORMULA = re.compile(r"[=+\-@\t\r]")
"""Start of a text that a spreadsheet would compute."""
LIST_SEPARATOR = ";"


def parquet_of(board: RankedBoard) -> PreparedFile:
    """Return the board as a Parquet file."""
    return prepare_file(parquet_file(_rank_first(board.table)), "application/vnd.apache.parquet")


def csv_of(board: RankedBoard) -> PreparedResponse:
    """Return the board as CSV.

    The parts of a list are separated by `;`. A text that a spreadsheet would compute gets an apostrophe.
    """
    return prepare_parts(_csv_parts(_rank_first(board.table)), "text/csv; charset=utf-8")


def _rank_first(table: pa.Table) -> pa.Table:
    others = [name for name in table.column_names if name != "rank"]
    return table.select(["rank", *others])


def _csv_parts(table: pa.Table) -> Iterator[bytes]:
    """Yield a table as CSV, some rows at a time, so that it is never in memory as a whole."""
    for start in range(0, max(1, table.num_rows), ROWS_AT_ONCE):
        rows = table.slice(start, ROWS_AT_ONCE)
        columns = [_plain(column) for column in rows.columns]
        sink = pa.BufferOutputStream()
        options = pyarrow.csv.WriteOptions(include_header=start == 0)
        pyarrow.csv.write_csv(pa.table(columns, table.column_names), sink, options)
        yield sink.getvalue().to_pybytes()


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return a column of texts or lists as CSV can have it, any other unchanged."""
    if pa.types.is_list(column.type):
        texts = [LIST_SEPARATOR.join(map(str, value or ())) for value in column.to_pylist()]
    elif is_text(column.type):
        texts = column.to_pylist()
    else:
        return column
    return pa.array(
        [f"'{text}" if text and FORMULA.match(text) else text for text in texts], pa.string()
    )
