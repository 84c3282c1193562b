"""Texts of a suite file for readers: plain, or in several languages."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FIRST_LANGUAGE = "en"

Language = Annotated[str, Field(pattern=r"^[a-z]{2}$")]
Words = str | Annotated[Mapping[Language, str], Field(min_length=1)]
"""One text for all readers, or one per language: `{en: …, de: …}`."""


class BenchmarkAbout(BaseModel):
    """Description of a benchmark on the About page. It does not change the evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    questions: int | None = Field(default=None, ge=1)
    """Number to show until the board has counted the questions."""
    origin: str = ""
    """Origin of the questions: dataset, authors, year."""
    link: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    """Web page of the dataset."""
    license: str = ""
    """Licence of the questions, as their authors name it."""
    tests: Words = ""
    """The ability that a high score shows, in one sentence."""


class FrequentQuestion(BaseModel):
    """A frequent question about this board, with its answer in Markdown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: Words
    answer: Words


def in_language(words: Words, language: str) -> str:
    """Return a text in a language. The fallbacks are English, then the first available language."""
    if isinstance(words, str):
        return words
    return words.get(language) or words.get(FIRST_LANGUAGE) or next(iter(words.values()))
