"""What the reader reads, shape by shape, and what holds for any text."""

from string import ascii_uppercase

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evalboard.reading.answers import Reading, State, Unread
from evalboard.reading.reader import read
from evalboard.reading.thinking import finished_answer
from tests.reading.shapes import DRUGS, LINES, READ, UNREAD, Shape


def reading_of(shape: Shape) -> Reading:
    return read(Unread(shape.text, shape.choices, shape.finish_reason, shape.thinking_opened))


def _shown(shape: Shape) -> str:
    return ascii(shape.text[:50])


@pytest.mark.parametrize("shape", READ, ids=_shown)
def test_a_letter_is_read_by_its_rule(shape: Shape) -> None:
    reading = reading_of(shape)
    assert (reading.state, reading.letter, reading.rule) == (State.READ, shape.letter, shape.rule)


@pytest.mark.parametrize("shape", UNREAD, ids=_shown)
def test_no_letter_is_read_and_the_state_says_why(shape: Shape) -> None:
    reading = reading_of(shape)
    assert (reading.state, reading.letter) == (shape.state, None)


def test_only_a_line_of_the_asked_form_is_strict() -> None:
    strict = ("Answer: B", "**Answer: B**", "Therefore, the final answer: B", "### Answer\nB")
    loose = ("I say the answer: B", "The answer is B.", "\\boxed{B}", "B")
    assert all(read(Unread(text, DRUGS)).is_strict for text in strict)
    assert not any(read(Unread(text, DRUGS)).is_strict for text in loose)


def test_a_long_text_that_breaks_off_is_unfinished_unless_its_end_is_known() -> None:
    text = "The patient has pain. " * 60 + "The answer is B, but if we look at the"
    assert read(Unread(text, DRUGS)).state is State.UNFINISHED
    assert read(Unread(text, DRUGS, finish_reason="stop")).letter == "B"


def test_a_question_without_choices_cannot_be_read() -> None:
    for choices in ((), ("drug",) * 27):
        with pytest.raises(ValueError, match="1 to 26 choices"):
            read(Unread("Answer: A", choices))


PIECES = st.sampled_from(
    [shape.text for shape in READ + UNREAD if len(shape.text) < 200]
    + ["Answer", ":", " is ", "A", "b", "**", "\\boxed{", "}", "\n", '"', "<think>", "</think>"]
)
TEXTS = st.lists(PIECES | st.text(max_size=20), max_size=8).map("".join)
CHOICES = st.lists(st.text(max_size=20), min_size=1, max_size=26).map(tuple)


@given(TEXTS, CHOICES, st.sampled_from(["", "stop", "eos"]), st.booleans())
def test_any_text_has_a_state_and_a_letter_only_of_its_choices(
    text: str, choices: tuple[str, ...], finish_reason: str, thinking_opened: bool
) -> None:
    reading = read(Unread(text, choices, finish_reason, thinking_opened))
    assert (reading.letter is not None) == (reading.state is State.READ)
    assert reading.letter is None or reading.letter in ascii_uppercase[: len(choices)]


BEGINNINGS = ("<think>", "[THINK]", "<unused94>thought\n", "<|channel|>analysis<|message|>")
THOUGHTS = st.lists(
    st.sampled_from([shape.text for shape in LINES]) | st.text(max_size=30), max_size=6
).map("\n".join)


@given(THOUGHTS, st.sampled_from(BEGINNINGS))
def test_a_cut_thinking_is_never_read(thought: str, beginning: str) -> None:
    # Hypothesis makes texts from the constants of the code, the ends of a thinking among them.
    assume(finished_answer(thought, thinking_opened=True) is None)
    cut = (
        Unread(beginning + thought, DRUGS),
        Unread("Answer: A\n" + beginning + thought, DRUGS, finish_reason="stop"),
        Unread(thought or "a", DRUGS, thinking_opened=True),
        Unread(thought, DRUGS, finish_reason="length"),
    )
    assert {read(answer).letter for answer in cut} == {None}


@pytest.mark.timeout(60)  # a reader that tries every place with every other takes hours
@pytest.mark.parametrize(
    "piece",
    [
        "Answer: ",
        "answer is ",
        "\uc815\ub2f5\uc740 ",
        "(A ",
        "**",
        "A or ",
        "# ",
        "<think></think>",
    ],
)
def test_a_megabyte_of_anything_is_read(piece: str) -> None:
    reading = read(Unread(piece * (1_000_000 // len(piece)), DRUGS, finish_reason="stop"))
    assert reading.letter is None
