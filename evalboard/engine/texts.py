"""Generated texts: where the thinking ends, and where the answer.

A thinking model writes a thought, the end token of its thinking, and then its answer. A task's stop
texts end the answer. In the thought they say nothing: it consists of paragraphs, and the stop text of
most tasks is an empty line. lm_eval reads such texts in the same way
(`lm_eval.models.utils.postprocess_generated_text`), with one difference: for lm_eval, a thinking
without its end is the answer. Here it is none.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from lm_eval.models.utils import postprocess_generated_text


def answer_in(raw: str, stops: Sequence[str], think_end: str | None) -> str:
    """Return the answer in a raw text, empty if its thinking has no end.

    Args:
        raw: The text.
        stops: Texts that end an answer.
        think_end: End token of the model's thinking, None for a model that does not think.
    """
    if think_end is not None and think_end not in raw:
        return ""
    return postprocess_generated_text(raw, list(stops), think_end)


class AnswerEnd:
    """Follows a text while it is written, and says when a stop text has ended its answer.

    White space between the thinking and the answer belongs to neither, as in lm_eval.

    Args:
        stops: Texts that end an answer.
        think_end: End token of the model's thinking, None for a model that does not think.
    """

    def __init__(self, stops: Iterable[str], think_end: str | None) -> None:
        self._stops = [stop for stop in stops if stop]
        self._kept = max(map(len, self._stops), default=1)
        self._thinks_until = think_end
        self._is_blank = think_end is not None
        self._last = ""

    def is_reached(self, piece: str) -> bool:
        """Return whether a stop text has come with the next piece of the text."""
        self._last += piece
        if self._thinks_until is not None:
            _, end, answer = self._last.partition(self._thinks_until)
            if not end:
                self._last = self._last[-len(self._thinks_until) :]
                return False
            self._thinks_until, self._last = None, answer
        if self._is_blank:
            self._last = self._last.lstrip()
            self._is_blank = not self._last
        reached = any(stop in self._last for stop in self._stops)
        self._last = self._last[-self._kept :]
        return reached


class RawTexts:
    """Decodes the tokens of whole texts.

    The tokens are decoded at once, as transformers does it. A text made token by token keeps a first
    space that the decoder of the whole drops, and lacks a character that is not finished.

    Args:
        tokenizer: A tokenizer of transformers.
        think_end: End token of the model's thinking, None for a model that does not think.
    """

    def __init__(self, tokenizer: Any, think_end: str | None) -> None:
        self._tokenizer = tokenizer
        self._think_end = think_end or ""
        self._hidden: list[int] = []
        """Tokens of the thinking's end if decoding omits them, as it does with special tokens."""
        if think_end:
            tokens = tokenizer.encode(think_end, add_special_tokens=False)
            if think_end not in self._decode(tokens):
                self._hidden = tokens

    def read(self, tokens: Sequence[int]) -> str:
        """Return a text without special tokens other than the thinking's end."""
        parts = _split(list(tokens), self._hidden) if self._hidden else [tokens]
        return self._think_end.join(map(self._decode, parts))

    def _decode(self, tokens: Sequence[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=True)


class TextPieces:
    """Turns tokens into the pieces of a text one by one, special tokens included.

    Args:
        tokenizer: A tokenizer of transformers.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._known: list[int] = []
        """The last tokens whose text is known: the text of a token depends on those before it."""
        self._new: list[int] = []

    def add(self, token: int) -> str:
        """Return the text that is complete with a token, empty in the middle of a character."""
        self._new.append(token)
        known = self._tokenizer.decode(self._known, clean_up_tokenization_spaces=False)
        tokens = self._known + self._new
        whole = self._tokenizer.decode(tokens, clean_up_tokenization_spaces=False)
        if whole.endswith("\N{REPLACEMENT CHARACTER}"):
            return ""
        self._known, self._new = self._new, []
        return whole[len(known) :]


def _split(tokens: list[int], separator: list[int]) -> list[list[int]]:
    """Return the parts of a list between the occurrences of another."""
    parts: list[list[int]] = []
    start = place = 0
    while place <= len(tokens) - len(separator):
        if tokens[place : place + len(separator)] == separator:
            parts.append(tokens[start:place])
            start = place = place + len(separator)
        else:
            place += 1
    return [*parts, tokens[start:]]
