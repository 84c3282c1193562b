"""Answers without the questions: a row is compared with the others, not with guessing alone."""

from collections.abc import Callable
from statistics import median

import pytest

from evalboard.board.blind import LEAST_ROWS, Blind, answers_without_questions
from evalboard.board.rows import build_rows
from evalboard.board.scores import Score
from evalboard.records.result import ResultDocument
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Benchmark, Suite

N = 400
SUITE = Suite(
    name="blind",
    title="Blind",
    benchmarks=(
        Benchmark(key="asked", title="Asked", baseline=0.25),
        Benchmark(key="hidden_a", title="A", baseline=0.25, weight=0, hides_question=True),
        Benchmark(key="hidden_b", title="B", baseline=0.5, weight=0, hides_question=True),
    ),
)
USUAL = [{"asked": 0.8, "hidden_a": 0.30 + at / 1000, "hidden_b": 0.54} for at in range(30)]
SEEN = {"asked": 0.8, "hidden_a": 0.45, "hidden_b": 0.7}


@pytest.fixture
def figures(document_of: Callable[..., ResultDocument]) -> Callable[..., list[Blind]]:
    """Return a function that gives the figures of rows with these scores."""

    def figures(rows: list[dict[str, float]]) -> list[Blind]:
        documents = [
            document_of(scores, SUITE, n=N, model_name=f"org/{at}")
            for at, scores in enumerate(rows)
        ]
        return [row.blind for row in build_rows(documents, SUITE)]

    return figures


def test_a_row_that_stands_out_is_marked_and_no_other(
    document_of: Callable[..., ResultDocument],
) -> None:
    documents = [
        document_of(scores, SUITE, n=N, model_name=f"org/{at}")
        for at, scores in enumerate([*USUAL, SEEN])
    ]
    *others, seen = build_rows(documents, SUITE)
    assert seen.flags == ["answers_without_question"]
    assert not any(row.flags for row in others)
    assert seen.ranked


def test_the_figures_are_those_of_a_plain_count(figures: Callable[..., list[Blind]]) -> None:
    found = figures([*USUAL, SEEN])
    advantages = [(0.05 + at / 1000 + 0.04) / 2 for at in range(30)] + [0.2]
    usual = median(advantages)
    between = 1.4826 * median(abs(value - usual) for value in advantages)
    guessing = (0.25 * 0.75 / N + 0.5 * 0.5 / N) / 4
    assert found[-1].blind_advantage == pytest.approx(0.2)
    assert found[-1].blind_z == pytest.approx((0.2 - usual) / (between**2 + guessing) ** 0.5)


def test_few_rows_or_a_missing_score_tell_nothing(figures: Callable[..., list[Blind]]) -> None:
    *others, seen = figures([*USUAL[: LEAST_ROWS - 2], {"asked": 0.8, "hidden_a": 0.3}, SEEN])
    assert seen.blind_advantage == pytest.approx(0.2)
    assert (seen.blind_z, seen.is_suspected) == (None, False)
    assert others[-1] == Blind()


def test_a_board_that_hides_no_question_has_no_figures() -> None:
    rows: list[dict[str, Score]] = [{} for _ in range(LEAST_ROWS)]
    assert answers_without_questions(rows, load_suite("open-medical")) == [Blind()] * LEAST_ROWS
    hidden = [b.key for b in load_suite("open-medical-robust").benchmarks if b.hides_question]
    assert len(hidden) == 8
