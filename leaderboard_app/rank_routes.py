"""The addresses under `data/` for ranks: among some rows of the board, and of two rows whether they differ."""

import re
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response
from pydantic import BaseModel, Field

from leaderboard_app.board_data import RankedBoard
from leaderboard_app.model_routes import References, find_rows_of
from leaderboard_app.pages import Viewer
from leaderboard_app.rank_data import ranks_among, told_apart, whole_ranks
from leaderboard_app.responses import prepare_json

MOST_ROWS = 500
"""Rows that are ranked among each other for a reader: a tenth of a second of computing."""
LONGEST_ROWS = 5000
_RUN = re.compile(r"(\d{1,7})(?:-(\d{1,7}))?")

Rows = Annotated[
    str,
    Field(
        max_length=LONGEST_ROWS,
        description="Numbers of rows of `data/board.json` from 0, as `0-41,50`, at most 500. "
        "Empty: the whole board.",
    ),
]
Built = Annotated[
    str,
    Field(max_length=64, description="Start of `meta.content_hash`: the board that is numbered."),
]


class RanksQuery(BaseModel):
    """The choice of a column and of rows."""

    column: str = Field(max_length=500, description="Key of a benchmark, or `average`.")
    rows: Rows = ""
    built: Built = ""


class ApartQuery(BaseModel):
    """The choice of rows to compare, and among which."""

    m: References
    benchmark: str = Field(max_length=500, description="Key of a benchmark, or `average`.")
    among: Rows = ""
    built: Built = ""


def add_rank_routes(routes: APIRouter, viewer: Viewer) -> None:
    """Add `data/ranks.json` and `data/apart.json`."""

    @routes.get("/data/ranks.json")
    def ranks(request: Request, query: Annotated[RanksQuery, Query()]) -> Response:
        """Return ranks in a column with their ranges, null for a row without one.

        `scope` says among which: `rows` those asked for, in their order; `board` all rows of the board; `none` on
        boards of earlier versions, which have no ranks in single columns.
        """
        board = viewer.board.current()
        rows = _rows(board, query.rows, query.built)
        if rows and board.ranks:
            found = ranks_among(board.ranks, board.table, rows, query.column)
        else:
            found = whole_ranks(board.table, query.column)
        if found is None and query.column not in board.table.column_names:
            raise HTTPException(404, "The board has no such column.")
        found = found or {"column": query.column, "scope": "none"}
        return prepare_json(found).respond(request)

    @routes.get("/data/apart.json")
    def apart(request: Request, query: Annotated[ApartQuery, Query()]) -> Response:
        """Return of each model whether its score is told apart from the first, and among how many models."""
        board = viewer.board.current()
        among = _rows(board, query.among, query.built)
        models = find_rows_of(board, query.m)
        return prepare_json(told_apart(board.ranks, models, query.benchmark, among)).respond(
            request
        )


def _rows(board: RankedBoard, text: str, built: str) -> list[int]:
    """Return numbers of rows, ascending, each once."""
    if not text:
        return []
    if board.meta is None or not board.meta.content_hash.startswith(built):
        raise HTTPException(409, "The board has been built again. Its rows have other numbers.")
    found = [_RUN.fullmatch(part) for part in text.split(",")]
    if None in found:
        raise HTTPException(422, "Rows are numbers and ranges of numbers, as `0-41,50`.")
    ends = [(int(run[1]), int(run[2] or run[1])) for run in found if run]
    if any(last >= board.table.num_rows or last - first >= MOST_ROWS for first, last in ends):
        raise HTTPException(422, "At most 500 rows of the board can be ranked.")
    rows = sorted({row for first, last in ends for row in range(first, last + 1)})
    if len(rows) > MOST_ROWS:
        raise HTTPException(422, "At most 500 rows of the board can be ranked.")
    return rows
