"""Where a stop text ends an answer, however its text is cut into pieces."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_jsonable_python

from evalboard.engine.streaming import GeneratedText, read_answer
from evalboard.engine.texts import AnswerEnd, RawTexts, TextPieces, answer_in
from tests.engine.equality.small_models import byte_level

TOKENIZER = byte_level(bos=True)
END = "</t>"
PIECES = st.lists(st.sampled_from(["</", "t>", "</t>", "\n", "\n\n", " ", "a", "b\n", ">\nQ", "/"]))
STOPS = st.lists(st.sampled_from(["\n\n", "\nQ", "a", "b\n\n", ""]), max_size=3)


def is_ended(text: str, stops: Sequence[str], think_end: str | None) -> bool:
    """Return whether a whole text has a stop text in its answer."""
    _, end, answer = text.partition(think_end) if think_end else ("", "-", text)
    answer = answer.lstrip() if think_end else answer
    return bool(end) and any(stop in answer for stop in stops if stop)


@given(PIECES, STOPS, st.sampled_from([END, None]))
def test_an_answer_ends_with_the_piece_that_completes_a_stop_text(
    pieces: list[str], stops: list[str], think_end: str | None
) -> None:
    watch = AnswerEnd(stops, think_end)
    for number, piece in enumerate(pieces, start=1):
        is_over = is_ended("".join(pieces[:number]), stops, think_end)
        assert watch.is_reached(piece) is is_over
        if is_over:
            break


@given(st.text(max_size=40))
def test_pieces_are_the_whole_text(text: str) -> None:
    tokens: list[int] = TOKENIZER.encode(f"{text}.", add_special_tokens=False)
    pieces = TextPieces(TOKENIZER)
    assert "".join(pieces.add(token) for token in tokens) == TOKENIZER.decode(tokens)


def test_an_end_that_decoding_omits_is_found_by_its_tokens() -> None:
    tokenizer = byte_level(bos=True)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|final|>", "<|message|>"]})
    end = "<|final|>now<|message|>"
    tokens = tokenizer.encode(f"so </s>{end}{end} yes</s>", add_special_tokens=False)
    raw = RawTexts(tokenizer, end).read(tokens)
    assert raw == f"so {end}{end} yes"
    assert answer_in(raw, [" no"], end) == "yes"
    assert RawTexts(tokenizer, None).read(tokens) == "so nownow yes"


@pytest.mark.parametrize(
    "answer", [GeneratedText("a", "t</t>a", "stop", 4), GeneratedText("a", "a", None, None)]
)
def test_a_text_goes_through_the_wire(answer: GeneratedText) -> None:
    assert read_answer(to_jsonable_python(answer)) == answer
