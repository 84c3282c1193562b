import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa
import pytest

from evalboard.records.board_files import BenchmarkColumn, BoardMeta, SubjectColumn
from evalboard.records.columns import COLUMNS, Column
from leaderboard_app.board_document import board_parts, shorten_score
from leaderboard_app.board_rows import rank_rows
from tests.leaderboard_app.boards import SHA, table_of


def meta_of(*keys: str) -> BoardMeta:
    benchmarks = tuple(
        BenchmarkColumn(key=key, title=key.upper(), fewshot=0, metric="acc,none", baseline=0.25)
        for key in keys
    )
    return BoardMeta(
        suite="s", title="S", benchmarks=benchmarks, revision="r", built_at="t", content_hash="h"
    )


def board_document(meta: BoardMeta | None, table: pa.Table) -> Any:
    return json.loads(b"".join(board_parts(meta, table)))


def test_document_has_a_list_per_column_in_rank_order(make_row: Callable[..., Any]) -> None:
    rows = [make_row("org/low", 0.3), make_row("org/high", 0.7, lacks=["pubmedqa"])]
    document = board_document(meta_of("medmcqa", "pubmedqa"), rank_rows(pa.Table.from_pylist(rows)))
    columns = document["columns"]
    assert document["rows"] == 2
    assert columns["model"] == ["org/low", "org/high"]
    assert columns["complete"] == [True, False]
    assert columns["pubmedqa"][1] is None
    assert columns["medmcqa"][0] == pytest.approx(rows[0]["medmcqa"], abs=5e-5)
    assert columns["medmcqa__n"] == [4183, 4183]
    assert columns["sha8"] == [rows[0]["sha"][:8], rows[1]["sha"][:8]]
    assert "sha" not in columns


def test_subjects_are_columns_with_their_questions_in_the_description() -> None:
    meta = meta_of("mmlu")
    (mmlu,) = meta.benchmarks
    subjects = (SubjectColumn(key="anatomy", title="Anatomy", n=135),)
    meta = meta.model_copy(update={"benchmarks": (mmlu.model_copy(update={"subjects": subjects}),)})
    table = table_of(("a", 0.5))
    for name in ("mmlu", "mmlu__n", "anatomy", "anatomy__stderr", "anatomy__n"):
        table = table.append_column(name, pa.array([0.123456]))
    document = board_document(meta, rank_rows(table))
    columns = document["columns"]
    assert (columns["anatomy"], columns["anatomy__stderr"]) == ([0.12346], [0.12346])
    assert "mmlu__n" in columns
    assert "anatomy__n" not in columns
    assert document["meta"]["benchmarks"][0]["subjects"] == [
        {"key": "anatomy", "title": "Anatomy", "n": 135}
    ]


def test_document_leaves_out_what_the_table_lacks_or_nobody_knows() -> None:
    table = rank_rows(table_of(("a", 0.5)).append_column("mystery", pa.array([1.0])))
    columns = board_document(meta_of("medmcqa"), table)["columns"]
    assert set(columns) == {"rank", "model", "average", "complete", "sha8", "on_hub"}


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_the_board_is_sent_and_described_once(column: Column) -> None:
    table = pa.table({"model": ["org/m"], "sha": [SHA], "average": [0.5], "complete": [True]})
    if column.key not in table.column_names:
        table = table.append_column(column.key, pa.array(["x"]))
    document = board_document(meta_of(), rank_rows(table))
    sent = {"sha": "sha8", "average__rank": "rank"}.get(column.key, column.key)
    described = [told for told in document["described"] if told["key"] == sent]
    assert len(described) == bool(column.title)
    assert (sent in document["columns"]) == (column.key != "org")


def test_normalised_scores_are_the_stored_ones() -> None:
    table = table_of(("a", 0.5))
    for name, value in (("x", 0.5), ("x__normalised", 0.123456)):
        table = table.append_column(name, pa.array([value]))
    columns = board_document(meta_of("x"), rank_rows(table))["columns"]
    assert (columns["x"], columns["x__normalised"]) == ([0.5], [0.12346])


def test_document_reads_types_as_other_boards_write_them() -> None:
    table = rank_rows(
        table_of(("a", 0.5)).append_column("model_type", pa.array(["🔶 : fine-tuned"]))
    )
    document = board_document(meta_of(), table)
    assert document["columns"]["model_type"] == ["fine-tuned"]


def test_document_of_no_board_says_so() -> None:
    assert board_document(None, pa.table({}))["meta"] is None


def test_nan_becomes_null() -> None:
    table = rank_rows(table_of(("a", 0.5)).append_column("x", pa.array([float("nan")])))
    assert board_document(meta_of("x"), table)["columns"]["x"] == [None]


def _half_up(score: float, decimals: str) -> Decimal:
    """Round as browsers do: the number as it is written."""
    return Decimal(repr(score)).quantize(Decimal(decimals), ROUND_HALF_UP)


@pytest.mark.parametrize("questions", [4183, 1273, 500, 14042, 2000, 4096], ids=lambda n: f"of {n}")
def test_a_page_shows_the_figures_of_the_exact_score(questions: int) -> None:
    scores = [right / questions for right in range(questions + 1)]
    sent = [shorten_score(score) or 0 for score in scores]
    for decimals in (".001", ".0001"):
        shown = [_half_up(score, decimals) for score in sent]
        assert shown == [_half_up(score, decimals) for score in scores]
    assert len(set(sent)) == len(sent)
    assert sum(len(str(score)) for score in sent) < 7.5 * len(sent)
