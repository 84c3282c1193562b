"""What each question earned, from answers to a file and back."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from evalboard.errors import RecordError
from evalboard.records.answers import Answers
from evalboard.records.earned import Earned, compact, from_bytes, to_bytes
from evalboard.records.parquet import parquet_file


def answers(correct: list[bool | None], **columns: list[Any]) -> Answers:
    numbers = list(range(len(correct)))
    table = {"question_id": numbers, "doc_hash": [f"h{n}" for n in numbers], "correct": correct}
    return Answers.from_parquet(parquet_file(pa.table(table | columns)), path="a")


def read(content: bytes) -> Earned | None:
    return from_bytes(content, path="a.earned")


def kept(found: Answers, *, by_subject: bool = False) -> Earned:
    earned = read(to_bytes(compact(found, by_subject=by_subject)))
    assert earned is not None
    return earned


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1273])
def test_right_and_wrong_are_one_bit_each(count: int) -> None:
    right = (np.random.default_rng(count).random(count) < 0.6).tolist()
    earned = kept(answers(right))
    assert earned.values.tolist() == right
    assert earned.parts == (count,)
    assert len(to_bytes(earned).partition(b"\n")[2]) == -(-count // 8)


def test_fractions_are_kept_to_three_digits() -> None:
    fractions = np.random.default_rng(1).random(817)
    earned = kept(answers([None] * 817, earned=fractions.tolist()))
    assert earned.values == pytest.approx(fractions, abs=5e-4)


@pytest.mark.parametrize("more", [{}, {"earned": [0.5, None]}, {"earned": [0.5, 1.5]}])
def test_answers_that_do_not_say_what_they_earned_are_a_file_without_questions(
    more: dict[str, list[Any]],
) -> None:
    found = compact(answers([None, None], **more), by_subject=False)
    assert found is None
    assert read(to_bytes(found)) is None


def test_the_order_of_rows_does_not_matter_and_the_questions_do() -> None:
    forth = answers([True, False, False])
    back = Answers.from_parquet(parquet_file(forth.table.take([2, 0, 1])), path="a")
    assert kept(back).questions == kept(forth).questions
    assert kept(back).values.tolist() == [True, False, False]
    assert kept(answers([True, False])).questions != kept(forth).questions
    other = answers([True, False, False], doc_hash=["h0", "h1", "other"])
    assert kept(other).questions != kept(forth).questions


def test_a_group_is_kept_subject_by_subject() -> None:
    subjects = ["b", "a", "b", "b"]
    found = answers([True, True, False, False], subject=subjects)
    earned = kept(found, by_subject=True)
    assert earned.parts == (1, 3)
    assert earned.values.tolist() == [True, True, False, False]
    assert kept(found).parts == (4,)


def test_no_flipped_byte_changes_what_was_earned() -> None:
    earned = kept(answers([True, False, True] * 20))
    whole = to_bytes(earned)
    for at in range(len(whole)):
        content = whole[:at] + bytes([whole[at] ^ 0x15]) + whole[at + 1 :]
        try:
            found = read(content)
        except RecordError:
            continue
        if found is not None and found.questions == earned.questions:
            assert found.values.tolist() == earned.values.tolist()


@pytest.mark.parametrize("content", [b"", b"no", b"{}\n", to_bytes(None).replace(b"1", b"9", 1)])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(RecordError, match=r"'a\.earned'"):
        read(content)
