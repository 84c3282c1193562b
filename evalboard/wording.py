"""How messages, tables and logs say what strangers wrote, and what would be too long."""

from collections.abc import Sequence
from datetime import timedelta

MAX_TEXT_CHARACTERS = 1000


def plain(text: str, longest: int = MAX_TEXT_CHARACTERS) -> str:
    """Return a text of a stranger as one printable line.

    It contains no control characters, escape sequences of terminals, line breaks, marks that change
    the direction of a text, or surrogates. Every page, terminal, log and store can contain it.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * longest]).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def first_few(texts: Sequence[str], shown: int) -> str:
    """Return the first of many texts and how many more there are: `a, b and 1,200 more`."""
    more = f" and {len(texts) - shown:,} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 model`, `1,200 models`. The noun's plural ends in s."""
    return f"{number:,} {noun}{'s' if number != 1 else ''}"


def duration(seconds: float) -> str:
    """Return a length of time as one reads it: `3 d 4 h`, `1 h 5 min`, `25 min`, `40 s`."""
    whole = timedelta(seconds=max(0, round(seconds)))
    hours, rest = divmod(whole.seconds, 3600)
    minutes, left = divmod(rest, 60)
    if whole.days:
        return f"{whole.days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min" if minutes else f"{left} s"
