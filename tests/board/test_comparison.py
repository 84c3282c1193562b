"""Differences of a board to another one, from documents to the table."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest

from evalboard.board.rows import build_rows, read_attempts
from evalboard.board.table import board_files, build_board
from evalboard.records.board_files import TABLE_FILE
from evalboard.records.result import ResultDocument
from evalboard.suites.model import Benchmark, Suite

OVER = "points_over_loglikelihood"


@pytest.fixture
def words(suite: Suite) -> Suite:
    """The small suite's questions under other names, and one of its own that does not count."""
    return Suite(
        name="words",
        title="Words",
        compared_with=suite.name,
        benchmarks=(
            Benchmark(key="anatomy_words", title="Anatomy", compared_with="anatomy"),
            Benchmark(key="doses_words", title="Doses", compared_with="doses"),
            Benchmark(key="own", title="Own", weight=0),
        ),
    )


@pytest.fixture
def in_words(
    words: Suite, document_of: Callable[..., ResultDocument]
) -> Callable[..., ResultDocument]:
    """Make result documents of answers in words, with the chat template."""

    def make(scores: dict[str, float], **options: Any) -> ResultDocument:
        return document_of(scores, words, **{"use_chat_template": True, **options})

    return make


def table_of(documents: list[ResultDocument], words: Suite, suite: Suite) -> pd.DataFrame:
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    board = build_board(
        read_attempts(documents, words),
        words,
        revision="r",
        now=now,
        compared=build_rows(documents, suite),
    )
    return pd.read_parquet(io.BytesIO(board_files(board)[TABLE_FILE]))


def test_the_differences_are_points_over_the_same_models_scores(
    suite: Suite,
    words: Suite,
    document: Callable[..., ResultDocument],
    in_words: Callable[..., ResultDocument],
) -> None:
    scores = {"anatomy_words": 0.8, "doses_words": 0.5, "own": 1.0}
    (row,) = table_of(
        [document({"anatomy": 0.6, "doses": 0.6}), in_words(scores)], words, suite
    ).to_dict("records")
    assert row[f"anatomy_words__{OVER}"] == pytest.approx(20)
    assert row[f"doses_words__{OVER}"] == pytest.approx(-10)
    assert row[OVER] == pytest.approx(5)
    assert pd.isna(row[f"own__{OVER}"])


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, 10),
        ({"model_sha": "b" * 40}, None),
        ({"model_dtype": "bfloat16"}, None),
        ({"model_name": "org/other"}, None),
        ({"enable_thinking": True}, 10),
    ],
)
def test_only_the_same_model_is_compared(
    changes: dict[str, Any],
    points: float | None,
    suite: Suite,
    words: Suite,
    document: Callable[..., ResultDocument],
    in_words: Callable[..., ResultDocument],
) -> None:
    scores = {"anatomy_words": 0.7, "doses_words": 0.7}
    frame = table_of(
        [document({"anatomy": 0.6, "doses": 0.6}), in_words(scores, **changes)],
        words,
        suite,
    )
    (value,) = frame[OVER]
    assert pd.isna(value) if points is None else value == pytest.approx(points)


def test_of_several_rows_that_with_the_chat_template_counts(
    suite: Suite,
    words: Suite,
    document: Callable[..., ResultDocument],
    in_words: Callable[..., ResultDocument],
) -> None:
    plain = document({"anatomy": 0.1, "doses": 0.1})
    chat = document({"anatomy": 0.5, "doses": 0.5}, use_chat_template=True)
    answered = in_words({"anatomy_words": 0.7, "doses_words": 0.7})
    for documents in ([plain, chat, answered], [chat, plain, answered]):
        assert list(table_of(documents, words, suite)[OVER]) == pytest.approx([20])


def test_other_questions_and_missing_scores_are_not_compared(
    suite: Suite,
    words: Suite,
    document: Callable[..., ResultDocument],
    in_words: Callable[..., ResultDocument],
) -> None:
    answered = in_words({"anatomy_words": 0.7, "doses_words": 0.7})
    missing = table_of([document({"anatomy": 0.6}), answered], words, suite)
    assert list(missing[f"anatomy_words__{OVER}"]) == pytest.approx([10])
    assert missing[OVER].dropna().empty
    fewer = table_of([document({"anatomy": 0.6, "doses": 0.6}, n=50), answered], words, suite)
    assert fewer[OVER].dropna().empty
    assert fewer[f"anatomy_words__{OVER}"].dropna().empty
