"""What is read, and what was read."""

from enum import StrEnum
from string import ascii_uppercase
from typing import NamedTuple


class Unread(NamedTuple):
    """A text that a model wrote to a question with choices."""

    text: str
    """All of it, with any thinking."""
    choices: tuple[str, ...]
    """The texts of the choices. Their letters follow from their positions."""
    finish_reason: str = ""
    """Why the text ended, as any engine calls it. Empty if nobody knows."""
    thinking_opened: bool = False
    """Whether the prompt ended with the beginning of a thinking, as some templates do."""

    @classmethod
    def stored(
        cls,
        answer: str,
        raw: str | None,
        ended: str | None,
        choices: tuple[str, ...],
        *,
        thinking_opened: bool | None = None,
    ) -> "Unread":
        """Return an answer as this project stores it, question by question.

        Args:
            answer: What follows the thinking, empty after a thinking without its end.
            raw: All of the text, None if an earlier version kept the answer alone.
            ended: Why the text ended, None if nobody knows.
            choices: The choices of the question.
            thinking_opened: Whether the prompt has opened a thinking, None if nobody knows.
        """
        if not answer.strip() and raw and raw.strip():
            return cls(raw, choices, ended or "", thinking_opened=True)
        # An answer that is all of the text has its thinking still in it.
        is_whole = raw is not None and answer == raw
        return cls(answer, choices, ended or "", bool(thinking_opened) and is_whole)


class State(StrEnum):
    """What became of an answer. Every answer has exactly one state."""

    READ = "read"
    """A letter was read."""
    UNREADABLE = "unreadable"
    """The model answered, and no rule finds one letter."""
    REFUSED = "refused"
    """The model says that it will not answer."""
    UNFINISHED = "unfinished"
    """The model was still thinking or writing when its text ended."""
    EMPTY = "empty"
    """The model wrote nothing, or nothing after its thinking."""


class Rule(StrEnum):
    """Where a letter was found, the most decisive place first."""

    LINE = "line"
    FIELD = "field"
    ALONE = "alone"
    SENTENCE = "sentence"
    MARK = "mark"
    TEXT = "text"


class Reading(NamedTuple):
    """What was read from an answer."""

    state: State
    letter: str | None = None
    """The letter, only if the state is `read`."""
    rule: Rule | None = None
    """The rule that decided. An unreadable answer has one if it names two letters there."""
    is_strict: bool = False
    """Whether the letter is in a line of the form that was asked for, `Answer: X`."""


MAX_CHOICES = len(ascii_uppercase)


def letters_of(choices: tuple[str, ...]) -> str:
    """Return the letters of choices.

    Raises:
        ValueError: There are no choices, or more than letters.
    """
    if not 0 < len(choices) <= MAX_CHOICES:
        raise ValueError(f"A question has 1 to {MAX_CHOICES} choices, not {len(choices)}.")
    return ascii_uppercase[: len(choices)]
