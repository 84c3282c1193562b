"""The figures on the board's page, compared with the file that the board gives to programs."""

import io
import random
from collections.abc import Callable
from typing import Any

import httpx
import pyarrow.parquet as pq
from playwright.sync_api import Page, expect

from evalboard.suites.loader import load_suite
from tests.leaderboard_app.boards import SUITE

ROWS = 40
HALVES = (0.81647, 0.8164996, 0.81650001, 0.0449999, 0.54995, 0.54994999)
"""Fractions that show another figure where somebody rounds twice."""
READ = """(key) => [...document.querySelectorAll(`board-table tbody td.${key}`)]
  .map(cell => cell.querySelector(".score")?.textContent)"""


def test_no_shown_figure_differs_from_the_rounded_value_of_the_file(
    page: Page, http: httpx.Client, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    keys = [benchmark.key for benchmark in load_suite(SUITE).benchmarks]
    drawn = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(ROWS):
        scores = {key: drawn.choice([*HALVES, drawn.random()]) for key in keys}
        average = sum(scores.values()) / len(keys)
        rows.append(make_row(f"org/model-{number}", 0.5, **scores, average=average))
    board_folder.write_board(rows)
    page.set_viewport_size({"width": 3000, "height": 2600})
    page.goto("/")
    expect(page.locator(f"board-table tbody td.{keys[-1]} .score")).to_have_count(ROWS)
    table = pq.read_table(io.BytesIO(http.get("/data/board.parquet").content))
    for key in ("average", *keys):
        shown = page.evaluate(READ, key)
        assert shown == [f"{100 * value:.1f}" for value in table.column(key).to_pylist()], key
