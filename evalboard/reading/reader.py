"""Read answers."""

import re

from evalboard.reading import words
from evalboard.reading.answers import Reading, Rule, State, Unread
from evalboard.reading.places import Question, plain
from evalboard.reading.rules import RULES, Found
from evalboard.reading.thinking import finished_answer

READER = "evalboard-1"
"""Name of this reader, with its version. A change that reads any answer in another way raises it."""

LIMITS = ("length", "max_tokens", "max_new_tokens", "max_output_tokens", "model_length")
"""What engines and services call it when a text had as many tokens as allowed."""
MAX_CHARACTERS = 50_000
"""Characters of an answer that are read, from its end: more than 8,192 tokens have."""
_LONG = 1_000
"""Characters from which a text that breaks off counts as cut, where nobody knows why it ended."""
_BREAKS_OFF = re.compile(r"[\w,(\"'-]\Z")
_SECOND_THOUGHT = re.compile(words.SECOND_THOUGHT, re.IGNORECASE)
_REFUSALS = re.compile("|".join(words.REFUSALS), re.IGNORECASE)
_CLOSING = (Rule.LINE, Rule.FIELD, Rule.ALONE)
"""Rules that find a place where an answer can end."""
_CORRECTING = (Rule.FIELD, Rule.SENTENCE)


def read(unread: Unread) -> Reading:
    """Return the letter that an answer gives, or why there is none.

    Raises:
        ValueError: The question has no choices, or more than letters.
    """
    question = Question.of(unread.choices)
    text = finished_text(unread)
    if isinstance(text, State):
        return Reading(text)
    reading = _by_rules(text, question)
    is_cut = not unread.finish_reason and len(text) > _LONG and _BREAKS_OFF.search(text)
    if is_cut and reading.rule not in _CLOSING:
        return Reading(State.UNFINISHED)
    return reading


def finished_text(unread: Unread) -> str | State:
    """Return the plain text in which the answer is looked for, or the state of one without it."""
    if unread.finish_reason.lower() in LIMITS:
        return State.UNFINISHED
    if not unread.text.strip():
        return State.EMPTY
    answer = finished_answer(unread.text, thinking_opened=unread.thinking_opened)
    if answer is None:
        return State.UNFINISHED
    return plain(answer[-MAX_CHARACTERS:]).strip() or State.EMPTY


def _by_rules(text: str, question: Question) -> Reading:
    for rule, find in RULES.items():
        if found := find(text, question):
            return _corrected(text, question, found) or _reading(rule, found)
    return Reading(State.REFUSED if _REFUSALS.search(text) else State.UNREADABLE)


def _reading(rule: Rule, found: Found) -> Reading:
    letter = found.place.letter
    if letter is None:
        return Reading(State.UNREADABLE, rule=rule)
    is_strict = rule is Rule.LINE and found.is_line
    return Reading(State.READ, letter, rule, is_strict=is_strict)


def _corrected(text: str, question: Question, found: Found) -> Reading | None:
    """Return the answer that follows where a model takes the first one back."""
    doubt = _SECOND_THOUGHT.search(text, found.end)
    if not doubt:
        return None
    rest = text[doubt.end() :]
    later = ((rule, RULES[rule](rest, question)) for rule in _CORRECTING)
    return next((_reading(rule, other) for rule, other in later if other), None)
