from collections.abc import Callable
from typing import Any

import pytest

from evalboard.records.board_files import SubjectColumn
from evalboard.stores.local import LocalStore
from leaderboard_app.board_data import RankedBoard, read_ranked_board
from leaderboard_app.model_data import (
    comparison_document,
    find_model,
    model_document,
    share_below,
)
from leaderboard_app.references import find_row, reference_of

Publish = Callable[..., RankedBoard]


@pytest.fixture
def publish(board_folder: Any) -> Publish:
    def write_and_read(*rows: dict[str, Any], **options: Any) -> RankedBoard:
        board_folder.write_board(rows, **options)
        return read_ranked_board(LocalStore(board_folder.folder).snapshot())

    return write_and_read


def document_of(board: RankedBoard, **query: str) -> dict[str, Any]:
    row = find_model(board, query)
    assert row is not None
    assert board.meta is not None
    return model_document(board, board.meta, row)


def test_tells_scores_with_intervals_standing_and_facts(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    row = make_row("org/m", 0.5)
    board = publish(row, make_row("org/better", 0.9), make_row("org/worse", 0.2))
    told = document_of(board, id="org/m")
    medmcqa = next(score for score in told["scores"] if score["key"] == "medmcqa")
    assert medmcqa["score"] == row["medmcqa"]
    assert (medmcqa["low"], medmcqa["high"]) == (row["medmcqa__low"], row["medmcqa__high"])
    assert medmcqa["n"] == 4183
    assert medmcqa["better_than"] == 0.5
    assert (told["rank"], told["ranked"], told["better_than"]) == (2, 3, 0.5)
    assert told["hub"] == "https://huggingface.co/org/m"
    assert told["architecture"] == "LlamaForCausalLM"
    assert told["others"] == []


def test_tells_the_differences_that_the_board_has_computed(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    points = {"points_over_loglikelihood": 12.5, "medmcqa__points_over_loglikelihood": -3.0}
    told = document_of(publish(make_row("o/m", 0.6, **points)), id="o/m")
    assert told["points_over_loglikelihood"] == 12.5
    differences = {s["key"]: s["points_over_loglikelihood"] for s in told["scores"]}
    assert {key: value for key, value in differences.items() if value is not None} == {
        "medmcqa": -3.0
    }


def test_finds_the_evaluation_that_is_named_and_lists_the_others(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    board = publish(make_row("o/m", 0.6), make_row("o/m", 0.3, precision="4bit"))
    told = document_of(board, id="o/m", precision="4bit")
    assert told["precision"] == "4bit"
    assert [other["precision"] for other in told["others"]] == ["bfloat16"]
    assert document_of(board, id="o/m")["precision"] == "bfloat16"


def test_lists_the_subjects_of_a_group(publish: Publish, make_row: Callable[..., Any]) -> None:
    subjects = {"medmcqa": [SubjectColumn(key="skin", title="MedMCQA: skin", n=17)]}
    board = publish(make_row("o/m", 0.6, skin=0.25, skin__stderr=0.01), subjects=subjects)
    (told,) = next(s["subjects"] for s in document_of(board, id="o/m")["scores"] if s["subjects"])
    assert (told["title"], told["score"], told["stderr"]) == ("MedMCQA: skin", 0.25, 0.01)


def test_an_unknown_model_is_not_found(publish: Publish, make_row: Callable[..., Any]) -> None:
    board = publish(make_row("o/m", 0.5))
    for query in ({}, {"id": "no/such"}, {"id": "o/m", "sha": "0000"}):
        assert find_model(board, query) is None


@pytest.mark.parametrize("model", ["o/m", "o/m@x", "@", "a@b@c@d@e@f", "<img src=x>/{{7*7}}"])
def test_a_short_name_finds_its_row_again(
    publish: Publish, make_row: Callable[..., Any], model: str
) -> None:
    rows = [make_row(model, 0.6), make_row(model, 0.7, precision="4bit"), make_row("z/z", 0.9)]
    board = publish(*rows)
    for row in rows:
        found = find_row(board.table, reference_of(row))
        assert found is not None
        assert (found["model"], found["precision"]) == (row["model"], row["precision"])
    found = find_row(board.table, model)
    assert found is not None
    assert found["precision"] == "4bit"


def test_a_short_name_of_nothing_finds_nothing(
    publish: Publish, make_row: Callable[..., Any]
) -> None:
    board = publish(make_row("o/m", 0.6))
    for reference in ("", "@", "o/n", "o/m@00000000", "o/m@@4bit", "o/m@@@@1"):
        assert find_row(board.table, reference) is None, reference


def test_compares_each_model_with_the_first(publish: Publish, make_row: Callable[..., Any]) -> None:
    better, worse = make_row("o/better", 0.8), make_row("o/worse", 0.4, lacks=["pubmedqa"])
    board = publish(better, worse)
    assert board.meta is not None
    rows = [find_row(board.table, name) for name in ("o/worse", "o/better")]
    told = comparison_document(board, board.meta, [row for row in rows if row is not None])
    assert [model["model"] for model in told["models"]] == ["o/worse", "o/better"]
    benchmarks = {benchmark["key"]: benchmark for benchmark in told["benchmarks"]}
    none, difference = benchmarks["medmcqa"]["differences"]
    assert none is None
    assert difference["value"] == pytest.approx(better["medmcqa"] - worse["medmcqa"])
    assert 0 < difference["low"] < difference["value"] < difference["high"]
    assert benchmarks["pubmedqa"]["differences"] == [None, None]


def test_share_below_counts_equal_scores_half() -> None:
    assert share_below(0.5, [0.5, 0.4, 0.5, 0.6, None]) == pytest.approx(0.5)
    assert share_below(0.6, [0.5, 0.6]) == 1
    assert share_below(0.6, [0.6, None]) is None
    assert share_below(None, [0.1, 0.2]) is None
