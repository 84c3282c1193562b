"""The languages of the viewer: the choice for a reader, and all texts.

A language is one file, `texts/{language}.toml`: its name, how it writes numbers, the short texts, and
the documents in Markdown. Whoever adds such a file adds a language; nothing else names it.

A short text's key is its English wording, so the code shows the text and English has no short texts in
its file: `t("{n} models", language, n="12")` here, `t("{n} models", { n: 12 })` in
`static/language.js`. A test collects the keys, so each must be a literal: in `t("…")`, or in
`mark("…")` if the text is looked up later by a variable. Data (names, titles of benchmarks) is shown
unchanged and is in no file.

The language is that of `?lang=`, otherwise of the cookie `lang`, otherwise the first available one
of the browser's languages, otherwise English. Python and JavaScript use the same rule.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT = "en"
PARAMETER = "lang"
"""Name of the query parameter and of the cookie."""

_PLACE = re.compile(r"\{(\w+)\}")


class LanguageFile(BaseModel):
    """The content of a language's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Of the language, in itself."""
    decimal: str = Field(min_length=1, max_length=1)
    """Mark before the decimals of a number."""
    thousands: str = Field(min_length=1, max_length=1)
    """Mark between groups of three digits."""
    texts: Mapping[str, str] = {}
    """Short texts by their English wording."""
    documents: Mapping[str, str]
    """Long texts in Markdown, by name."""


def _read_languages() -> dict[str, LanguageFile]:
    """Return all languages, the default first."""
    paths = sorted((Path(__file__).parent / "texts").glob("*.toml"))
    read = {path.stem: path.read_text(encoding="utf-8") for path in paths}
    files = {name: LanguageFile.model_validate(tomllib.loads(text)) for name, text in read.items()}
    return {DEFAULT: files[DEFAULT], **files}


_FILES = _read_languages()
LANGUAGES: Mapping[str, str] = {key: file.name for key, file in _FILES.items()}
"""Names of the languages in themselves, for the switch."""


def t(text: str, language: str, **values: object) -> str:
    """Return a text in a language, with `{name}` replaced by the value of that name.

    A text without a translation is shown in English, and a place without a value stays unchanged.
    The result is plain text, which the caller must escape for HTML.
    """
    translated = translations(language).get(text, text)
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), translated)


def format_number(number: float, decimals: int = 0, *, language: str) -> str:
    """Write a number as a language does: `4,183.5`, in German `4.183,5`."""
    own = separators(language)
    return f"{number:,.{decimals}f}".translate({ord("."): own[0], ord(","): own[1]})


def separators(language: str) -> str:
    """Return the decimal mark and the mark of thousands, as `.,`."""
    file = _FILES[language]
    return file.decimal + file.thousands


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


def translations(language: str) -> Mapping[str, str]:
    """Return all short texts of a language by their English wording, none for English."""
    return _FILES[language].texts


def documents(language: str) -> Mapping[str, str]:
    """Return all long texts of a language, in Markdown, by name."""
    return _FILES[language].documents


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
