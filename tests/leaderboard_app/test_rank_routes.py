"""Ranks among some rows of a board, and whether two rows are told apart, over HTTP."""

from typing import Any

import httpx
import pytest

from leaderboard_app.references import reference_of
from tests.leaderboard_app.boards import Answered, BoardFolder, answer, make_row

KEY = "medqa_4options"
N = 200
BUILT = "2026-11-21T10:00:00Z"


def first_right(*counts: int) -> list[list[bool]]:
    return [[question < count for question in range(N)] for count in counts]


@pytest.fixture
def rows(board_folder: BoardFolder) -> list[dict[str, Any]]:
    """Five rows of the board in its order; 3 questions are not told apart, 20 are."""
    rows = [make_row(f"lab/m{at}", 0.8 - at / 20) for at in range(5)]
    answers = answer(rows, {KEY: first_right(150, 147, 127, 124, 60)})
    board_folder.write_board(rows, answers=answers, built_at=BUILT)
    return rows


def test_the_whole_board_has_the_ranks_of_its_table(http: httpx.Client, rows: Any) -> None:
    found = http.get("/data/ranks.json", params={"column": KEY}).json()

    assert (found["scope"], found["ranks"]) == ("board", [1, 2, 3, 4, 5])
    assert (found["low"], found["high"]) == ([1, 1, 3, 3, 5], [2, 2, 4, 4, 5])


def test_some_rows_are_ranked_among_each_other(http: httpx.Client, rows: Any) -> None:
    asked = {"column": KEY, "rows": "1-2,4", "built": BUILT[:13]}
    found = http.get("/data/ranks.json", params=asked).json()

    assert (found["scope"], found["ranks"]) == ("rows", [1, 2, 3])
    assert (found["low"], found["high"]) == ([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"column": "nonsense"}, 404),
        ({"column": "nonsense", "rows": "0"}, 404),
        ({"column": KEY, "rows": "0-9"}, 422),
        ({"column": KEY, "rows": "0-999999"}, 422),
        ({"column": KEY, "rows": "1;2"}, 422),
        ({"column": KEY, "rows": "0", "built": "another"}, 409),
    ],
)
def test_what_cannot_be_ranked_is_refused(
    http: httpx.Client, rows: Any, asked: dict[str, str], status: int
) -> None:
    assert http.get("/data/ranks.json", params=asked).status_code == status


def test_two_models_are_told_apart_among_those_that_are_compared(
    http: httpx.Client, rows: Any
) -> None:
    def apart(first: int, second: int, **asked: str) -> dict[str, Any]:
        models = [reference_of(rows[first]), reference_of(rows[second])]
        asked_of = {"m": models, "benchmark": KEY, **asked}
        return http.get("/data/apart.json", params=asked_of).json()

    assert apart(0, 1) == {"models": 5, "apart": [None, False]}
    assert apart(1, 2) == {"models": 5, "apart": [None, True]}
    assert apart(1, 2, among="1-3") == {"models": 3, "apart": [None, True]}


def test_a_damaged_file_leaves_the_ranks_of_the_table(
    http: httpx.Client, board_folder: BoardFolder, rows: Any
) -> None:
    board_folder.write_board(
        rows, answers=Answered(b"of another board", {}), built_at="2026-11-22T10:00:00Z"
    )
    board_folder.write({"answers.bin": b"damaged"})
    asked = {"column": KEY, "rows": "1-2"}

    assert http.get("/data/ranks.json", params=asked).json()["scope"] == "board"
