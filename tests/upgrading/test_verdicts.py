"""New answers against old ones: what counts as another answer, and when scores compare."""

from typing import Any

import pyarrow as pa
import pytest

from evalboard.board.differences import Discordance, paired_difference
from evalboard.records.answers import Answers
from evalboard.records.parquet import parquet_file
from evalboard.upgrading.verdicts import Compared, compare, points, pool


def answers(n: int = 4, subject: str = "exam", **changed: Any) -> Answers:
    """Return right answers to questions; `changed` goes into the last row."""
    rows = [
        {
            "question_id": number,
            "doc_hash": f"{subject}{number}",
            "subject": subject,
            "correct": True,
            "earned": None,
            "loglikelihoods": [-1.0, -2.0],
        }
        for number in range(n)
    ]
    table = pa.Table.from_pylist([*rows[:-1], rows[-1] | changed])
    return Answers.from_parquet(parquet_file(table), path="x")


def test_equal_answers_differ_nowhere() -> None:
    assert compare(answers(), answers(), limit=None) == (4, 0, 0.0, 0.0, 0.0)


def test_log_likelihoods_may_differ_where_the_choice_does_not() -> None:
    assert compare(answers(), answers(loglikelihoods=[-1.5, -2.0]), limit=None) == (4, 0, 0.5, 0, 0)


def test_another_choice_is_another_answer_even_if_as_wrong() -> None:
    other = answers(loglikelihoods=[-2.0, -1.0])
    assert compare(answers(), other, limit=None)[:2] == (4, 1)


def test_a_lost_point_counts_against_the_new_version() -> None:
    found = compare(answers(), answers(correct=False, loglikelihoods=[-2.0, -1.0]), limit=None)
    assert (found.gain, found.squares) == (-1, 1)


def test_fractions_count_as_far_as_they_differ() -> None:
    old, new = (answers(1, correct=None, earned=value) for value in (0.5, 0.75))
    assert compare(old, new, limit=None)[3:] == (0.25, 0.0625)


@pytest.mark.parametrize("new", [answers(3), answers(4, doc_hash="another")])
def test_other_questions_are_not_compared(new: Answers) -> None:
    assert compare(answers(), new, limit=None)[:2] == (3, 1)


def test_a_limit_is_of_each_task() -> None:
    assert compare(answers(), answers(2), limit=2)[:2] == (2, 0)
    assert compare(answers(), answers(2), limit=None)[:2] == (2, 2)


def test_the_interval_is_that_of_paired_answers() -> None:
    found = points(Compared(250, 9, 0.0, gain=-3, squares=9))
    expected = paired_difference([Discordance(250, only_first=6, only_second=3)])
    assert found == pytest.approx([100 * end for end in expected], abs=1e-4)


def test_few_questions_never_show_that_scores_compare() -> None:
    same = compare(answers(100), answers(100), limit=None)
    assert not points(same).is_within(1.0)
    assert points(pool([same] * 3)).is_within(1.0)
    assert not points(pool([same] * 3)._replace(gain=4, squares=4)).is_within(1.0)
