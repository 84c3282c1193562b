import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import leaderboard_app
from evalboard.explanations import explanations
from evalboard.records.columns import COLUMNS
from evalboard.records.request import ModelType
from leaderboard_app.language import LANGUAGES, choose, documents, format_number, t, translations

APP = Path(leaderboard_app.__file__).parent
OTHERS = [language for language in LANGUAGES if language != "en"]

_IN_SCRIPT = re.compile(r"""(?<![\w.])(?:t|mark)\(\s*("(?:[^"\\]|\\.)*")""")
_PLACE = re.compile(r"\{\w+\}")


def texts_in_python() -> Iterator[str]:
    for path in APP.glob("**/*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
                continue
            first = node.args[0]
            if node.func.id in ("t", "mark") and isinstance(first, ast.Constant):
                yield str(first.value)


def texts_in_scripts() -> Iterator[str]:
    for pattern in ("static/**/*.js", "templates/**/*.html"):
        for path in APP.glob(pattern):
            for literal in _IN_SCRIPT.findall(path.read_text(encoding="utf-8")):
                yield json.loads(literal)


def used() -> set[str]:
    columns = {column.title for column in COLUMNS if column.title}
    return {
        *texts_in_python(),
        *texts_in_scripts(),
        *ModelType,
        *columns,
        *explanations().sentences,
    }


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_a_translation(language: str) -> None:
    assert sorted(used() - set(translations(language))) == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_translation_is_of_a_text_that_is_gone(language: str) -> None:
    assert sorted(set(translations(language)) - used()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_places_of_its_text(language: str) -> None:
    for text, translated in translations(language).items():
        assert sorted(_PLACE.findall(text)) == sorted(_PLACE.findall(translated)), text
        assert translated.strip(), text


@pytest.mark.parametrize("language", OTHERS)
def test_a_file_is_all_that_a_language_needs(language: str) -> None:
    """Whoever adds a language writes its name nowhere else."""
    ours = [p for s in ("**/*.py", "**/*.js", "**/*.html") for p in APP.glob(s)]
    naming = [p.name for p in ours if f'"{LANGUAGES[language]}"' in p.read_text(encoding="utf-8")]
    assert naming == []
    assert set(documents(language)) == set(documents("en"))


def test_writes_numbers_as_the_language_does() -> None:
    written = [format_number(4183.5, 1, language=each) for each in ("en", "de")]
    assert written == ["4,183.5", "4.183,5"]


def test_fills_places_and_keeps_those_without_a_value() -> None:
    assert t("{n} of {total} {x}", "en", n=1, total="{n}") == "1 of {n} {x}"


def test_an_unknown_text_is_shown_as_it_is() -> None:
    assert t("never translated", "de") == "never translated"


@pytest.mark.parametrize(
    ("asked", "stored", "accepted", "language"),
    [
        ("de", "en", "en", "de"),
        ("", "de", "en-US,en;q=0.9", "de"),
        ("", "", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "", "fr, en;q=0.3, de; q=0.7", "de"),
        ("xx", "", "fr", "en"),
        ("../../etc", "", ";q=x,,", "en"),
        ("", "", "", "en"),
    ],
)
def test_language_of_address_cookie_and_browser(
    asked: str, stored: str, accepted: str, language: str
) -> None:
    assert choose(asked, stored, accepted) == language
