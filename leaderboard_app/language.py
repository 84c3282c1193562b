"""The languages of the viewer: the choice for a reader, and all texts.

A text's key is its English wording, so the code shows the text and English needs no table: `t("{n}
models", language, n="12")` here, `t("{n} models", { n: 12 })` in `static/language.js`. Other
languages are in `texts/{language}/*.json`, one file per page, each `{"English": "other"}`. The file
of a key does not matter; a key that several pages use is in one of them.

A test collects the keys, so each must be a literal: in `t("…")`, or in `mark("…")` if the text is
looked up later by a variable. Data (names, titles of benchmarks, reasons and findings) is shown
unchanged and is in no table.

The language is that of `?lang=`, otherwise of the cookie `lang`, otherwise the first available one
of the browser's languages, otherwise English. Python and JavaScript use the same rule.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES: Mapping[str, str] = {"en": "English", "de": "Deutsch"}
"""Names of the languages in themselves, for the switch."""
DEFAULT = "en"
PARAMETER = "lang"
"""Name of the query parameter and of the cookie."""

_TEXTS = Path(__file__).parent / "texts"
_GERMAN_MARKS = str.maketrans(",.", ".,")
_PLACE = re.compile(r"\{(\w+)\}")


def t(text: str, language: str, **values: object) -> str:
    """Return a text in a language, with `{name}` replaced by the value of that name.

    A text without a translation is shown in English, and a place without a value stays unchanged.
    The result is plain text, which the caller must escape for HTML.
    """
    translated = translations(language).get(text, text)
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), translated)


def format_number(number: float, decimals: int = 0, *, language: str) -> str:
    """Write a number as a language does: `4,183.5`, in German `4.183,5`."""
    text = f"{number:,.{decimals}f}"
    return text.translate(_GERMAN_MARKS) if language == "de" else text


def mark(text: str) -> str:
    """Return a text unchanged. `t` translates it later, with a variable."""
    return text


def language_of(request: Any) -> str:
    """Return the language that a request wants, Gradio's or Starlette's."""
    return choose(
        str(request.query_params.get(PARAMETER, "")),
        request.cookies.get(PARAMETER, ""),
        request.headers.get("accept-language", ""),
    )


def choose(asked: str, stored: str, accepted: str) -> str:
    """Return the language for an address, a cookie and an `Accept-Language`, which can be empty."""
    for candidate in (asked, stored, *_by_preference(accepted)):
        language = candidate.strip().lower().partition("-")[0]
        if language in LANGUAGES:
            return language
    return DEFAULT


@cache
def translations(language: str) -> Mapping[str, str]:
    """Return all texts of a language by their English wording, none for English."""
    merged: dict[str, str] = {}
    for path in sorted((_TEXTS / language).glob("*.json")) if language in LANGUAGES else ():
        merged |= json.loads(path.read_text(encoding="utf-8"))
    return merged


def _by_preference(accepted: str) -> list[str]:
    """Return the languages of an `Accept-Language` by preference."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(","):
        name, _, quality = part.partition(";")
        try:
            weighted.append((float(quality.strip().removeprefix("q=") or 1), name))
        except ValueError:
            continue
    return [name for _, name in sorted(weighted, key=lambda pair: -pair[0])]
