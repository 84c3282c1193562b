"""Texts of a suite file, for people: plain, or in several languages."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FIRST_LANGUAGE = "en"

Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Words = str | Annotated[Mapping[Language, str], Field(min_length=1)]
"""One text for all readers, or one per language: `{en: …, de: …}`."""


class BenchmarkAbout(BaseModel):
    """What the About page says of a benchmark. Nothing here changes what is evaluated."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int | None = Field(default=None, ge=1)
    """Shown until the board knows the number itself."""
    origin: str = ""
    """Where the questions come from: data set, authors, year."""
    link: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Page of the data set."""
    license: str = ""
    """Licence of the questions, as its authors name it."""
    tests: Words = ""
    """What a high score takes, in a sentence."""


class FrequentQuestion(BaseModel):
    """A question that readers of this board ask, with its answer in Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Words
    answer: Words


def in_language(words: Words, language: str) -> str:
    """Return a text in a language; in English, or in the first that there is, where it lacks it."""
    if isinstance(words, str):
        return words
    return words.get(language) or words.get(FIRST_LANGUAGE) or next(iter(words.values()))
