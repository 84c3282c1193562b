from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from leaderboard_app.board_rows import find_rows, hub_url, matches, rank_rows, values
from tests.leaderboard_app.boards import SHA, table_of


def test_the_boards_own_ranks_count() -> None:
    table = table_of(("worse", 0.4), ("better", 0.6), ("alone", 0.5))
    ranked = rank_rows(table.append_column("average__rank", pa.array([7, 3, None])))
    assert values(ranked, "model") == ["better", "alone", "worse"]
    assert values(ranked, "rank") == [3, None, 7]


def test_ranks_by_average_and_shares_a_rank_between_equals() -> None:
    ranked = rank_rows(table_of(("d", 0.2), ("a", 0.9), ("c", 0.5), ("b", 0.5)))
    assert values(ranked, "model") == ["a", "b", "c", "d"]
    assert values(ranked, "rank") == [1, 2, 2, 4]


def test_incomplete_rows_stand_below_and_have_no_rank() -> None:
    ranked = rank_rows(table_of(("half", None), ("worst", 0.01)))
    assert values(ranked, "model") == ["worst", "half"]
    assert values(ranked, "rank") == [1, None]


def test_an_average_of_an_incomplete_row_does_not_lift_it() -> None:
    table = pa.table(
        {
            "model": ["part", "whole"],
            "sha": [SHA] * 2,
            "average": [0.9, 0.3],
            "complete": [False, True],
        }
    )
    ranked = rank_rows(table)
    assert values(ranked, "model") == ["whole", "part"]
    assert values(ranked, "rank") == [1, None]


@pytest.mark.parametrize(
    ("model", "sha", "address"),
    [
        ("org/name-1.5_x", SHA, "https://huggingface.co/org/name-1.5_x"),
        ("org/name", SHA + "0", None),
        ("name", SHA, None),
        ("../etc/passwd", SHA, None),
        ("org/name?x=1", SHA, None),
        ("org/na me", SHA, None),
        ("javascript:alert(1)//x", SHA, None),
        ("org/name\n", SHA, None),
    ],
)
def test_links_only_names_and_commits_of_the_hub(model: str, sha: str, address: str | None) -> None:
    assert hub_url(model, sha) == address


def test_a_row_is_told_from_its_siblings(make_row: Callable[..., Any]) -> None:
    rows = {
        "bfloat16 Original 0": make_row("org/m & co", 0.5),
        "float16 Original 0": make_row("org/m & co", 0.5, precision="float16"),
        "bfloat16 Original 1": make_row("org/m & co", 0.5, use_chat_template=True),
        "bfloat16 Original think": make_row(
            "org/m & co", 0.5, use_chat_template=True, enable_thinking=True
        ),
        "bfloat16 Adapter 0": make_row("org/m & co", 0.5, weight_type="Adapter"),
    }
    newer = make_row("org/m & co", 0.5, sha="f" * 40)
    table = pa.Table.from_pylist([*rows.values(), newer, make_row("org/other", 0.5)])
    for named, row in rows.items():
        precision, weights, chat = named.split()
        query = {"sha": row["sha"][:8], "precision": precision, "weights": weights, "chat": chat}
        found = [other for other in find_rows(table, "org/m & co") if matches(other, query)]
        assert found == [row]
    of_sha = [row for row in find_rows(table, "org/m & co") if matches(row, {"sha": "f" * 8})]
    assert of_sha == [newer]


def test_a_name_alone_finds_all_its_rows(make_row: Callable[..., Any]) -> None:
    table = pa.Table.from_pylist([make_row("o/m", 0.5), make_row("o/m", 0.5, precision="4bit")])
    assert [matches(row, {"id": "o/m"}) for row in find_rows(table, "o/m")] == [True, True]
    assert find_rows(pa.table({}), "o/m") == []


def test_an_address_with_an_earlier_name_of_a_precision_names_the_same_row() -> None:
    row = {"sha": "0" * 40, "precision": "prequantised", "weight_type": "Original"}
    assert matches(row, {"precision": "GPTQ"})
    assert matches(row | {"precision": "GPTQ"}, {"precision": "prequantised"})
    assert not matches(row, {"precision": "float16"})
