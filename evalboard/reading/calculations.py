"""Read a calculated value, and compare it with the right one by MedCalc-Bench's rule.

A model is asked for a last line `Answer: X`. What follows is a number with or without a unit, a date or a
number of weeks and days. Nothing that a model wrote is ever computed: "140 - 12" is no answer.
"""

import math
import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from evalboard.reading.answers import State, Unread
from evalboard.reading.reader import finished_text

CALCULATION_READER = "evalboard-calculation-1"
"""Name of this reader, with its version. A change that reads any answer in another way raises it."""

DATES = frozenset({13, 68})
WEEKS_AND_DAYS = frozenset({69})
WHOLE_NUMBERS = frozenset({4, 15, 16, 17, 18, 20, 21, 25, 27, 28, 29, 32, 33, 36, 43, 45, 48, 51})
"""Numbers of the calculators whose values are not decimal. From the authors' evaluation/evaluate.py:
https://github.com/ncbi-nlp/MedCalc-Bench
"""

Value = float | date | tuple[int, int]

_MARKUP = re.compile(r"[*_`$]|\\(?:text|mathrm|boxed|approx|,|;)|[{}]")
_LINE = re.compile(
    r"^[\s#>|-]*(?:the )?(?:final )?answer(?: is)?\s*[:=]\s*(\S.*)$", re.IGNORECASE | re.MULTILINE
)
_FIELD = re.compile(
    r"\\boxed\s*\{(.*)\}|<answer>([^<]*)</answer>|[\"']answer[\"']\s*:\s*([^\n}]*)", re.IGNORECASE
)
_DATE = re.compile(r"(?<!\d)(\d{1,2})/(\d{1,2})/(\d{4})(?!\d)")
_WEEKS = re.compile(r"(\d+)\W*(?:weeks?)?\W{1,6}(?:and\W+)?(\d+)\W*(?:days?)?", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:\s*[x×]\s*10\^?-?\d+|e[-+]?\d+)?",
    re.IGNORECASE,
)
_TIMES_TEN = re.compile(r"\s*[x×]\s*10\^?", re.IGNORECASE)
_TWO_VALUES = re.compile(r"\s*(?:-|–|—|to|or|and|,|/|[+*×÷])\s*[-+]?\d", re.IGNORECASE)


class Calculation(NamedTuple):
    """What was read from an answer."""

    state: State
    value: Value | None = None
    """Only if the state is `read`."""


def read_calculation(unread: Unread, calculator: int) -> Calculation:
    """Return the value that an answer gives, or why there is none.

    The last line of the form `Answer: X` decides, otherwise the last box, tag or JSON field. Two values
    there are unreadable.

    Args:
        unread: The text. Its choices do not matter.
        calculator: The data set's number of what is calculated, which decides the kind of value.
    """
    text = finished_text(unread)
    if isinstance(text, State):
        return Calculation(text)
    value = _parser(calculator)(_decisive(text))
    return Calculation(State.UNREADABLE if value is None else State.READ, value)


def is_right(value: Value, calculator: int, truth: str, lower: str, upper: str) -> bool:
    """Return whether a value is right by the authors' rule.

    Dates, and weeks and days, are equal. Whole numbers are equal after rounding. Other numbers are within
    the limits of the data set, 5 % to each side.

    Args:
        value: What was read.
        calculator: The data set's number of what is calculated.
        truth: Column `Ground Truth Answer`.
        lower: Column `Lower Limit`.
        upper: Column `Upper Limit`.
    """
    if calculator in DATES | WEEKS_AND_DAYS:
        return value == _parser(calculator)(truth)
    assert isinstance(value, float)
    if calculator in WHOLE_NUMBERS:
        return round(value) == float(truth)
    return float(lower) <= value <= float(upper)


def _decisive(text: str) -> str:
    """Return what the last decisive place says, an empty text without one."""
    lines = _LINE.findall(_MARKUP.sub("", text))
    if lines:
        return lines[-1].strip()
    fields = _FIELD.findall(text)
    return _MARKUP.sub("", next(filter(None, fields[-1]), "")).strip(" \"'") if fields else ""


def _parser(calculator: int) -> Callable[[str], Value | None]:
    if calculator in DATES:
        return _read_date
    return _read_weeks if calculator in WEEKS_AND_DAYS else _read_number


def _read_date(text: str) -> date | None:
    found = {tuple(map(int, parts)) for parts in _DATE.findall(text)}
    if len(found) != 1:
        return None
    ((month, day, year),) = found
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _read_weeks(text: str) -> tuple[int, int] | None:
    found = _WEEKS.search(text)
    return (int(found[1]), int(found[2])) if found else None


def _read_number(text: str) -> float | None:
    """Return the first number of a place: units follow it. Of an equation, that of its last side."""
    side = text.replace("−", "-").rpartition("=")[2]
    found = _NUMBER.search(side)
    if not found or _TWO_VALUES.match(side, found.end()):
        return None
    try:
        number = float(_TIMES_TEN.sub("e", found[0].replace(",", "")))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
