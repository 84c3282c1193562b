"""The languages of the viewer: which one a reader gets, and every text in it.

A text's key is its English wording, so code reads as what it shows and English needs no table:
`t("{n} models", language, n="12")` here, `t("{n} models", { n: 12 })` in `static/language.js`.
Other languages stand in `texts/{language}/*.json`, one file per page, each `{"English": "other"}`;
which file a key stands in does not matter, and a key that several pages use stands in one of them.

What the key is must be seen where it is written, since a test collects them: a literal in `t("…")`,
or in `mark("…")` where the text is looked up later by a variable. What comes from data (names,
titles of benchmarks, reasons and findings) is shown as it was written, in no table.

The language is that of `?lang=`, else of the cookie `lang`, else the first of the browser's
languages that there is, else English. Python and JavaScript decide by the same rule.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""Each in its own words, as the switch shows them."""
DEFAULT = "en"
PARAMETER = "lang"
"""Name of the part of the address, and of the cookie."""

_TEXTS = Path(__file__).parent / "texts"
_GERMAN_MARKS = str.maketrans(",.", ".,")
_PLACE = re.compile(r"\{(\w+)\}")


def t(text: str, language: str, **values: object) -> str:
    """Return a text in a language, with `{name}` replaced by the value of that name.

    A text without a translation is shown in English; a place without a value stays as it is. The
    result is plain text: whoever puts it into HTML escapes it.
    """
    translated = translations(language).get(text, text)
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), translated)


def format_number(number: float, decimals: int = 0, *, language: str) -> str:
    """Write a number as a language does: `4,183.5`, in German `4.183,5`."""
    text = f"{number:,.{decimals}f}"
    return text.translate(_GERMAN_MARKS) if language == "de" else text


def mark(text: str) -> str:
    """Return a text as it is: it is translated later, by `t` with a variable."""
    return text


def language_of(request: Any) -> str:
    """Return the language that a request wants, Gradio's or Starlette's."""
    return choose(
        str(request.query_params.get(PARAMETER, "")),
        request.cookies.get(PARAMETER, ""),
        request.headers.get("accept-language", ""),
    )


def choose(asked: str, stored: str, accepted: str) -> str:
    """Return the language for an address, a cookie and an `Accept-Language`, each maybe empty."""
    for candidate in (asked, stored, *_by_preference(accepted)):
        language = candidate.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return DEFAULT


@cache
def translations(language: str) -> Mapping[str, str]:
    """Return every text of a language by its English wording; none for English."""
    merged: dict[str, str] = {}
    for path in sorted((_TEXTS / language).glob("*.json")) if language in LANGUAGES else ():
        merged |= json.loads(path.read_text(encoding="utf-8"))
    return merged


def _by_preference(accepted: str) -> list[str]:
    """Return the languages of an `Accept-Language`, the most wanted first."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        try:
            weighted.append((float(quality.strip().removeprefix("q=") or 1), name))
        except ValueError:
            continue
    return [name for _, name in sorted(weighted, key=lambda pair: -pair[0])]
