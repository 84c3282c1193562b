import re

import pytest

from evalboard.records.board_files import BenchmarkColumn, BoardMeta
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite
from leaderboard_app.about_page import about_text
from leaderboard_app.documents import document, markdown
from leaderboard_app.language import LANGUAGES, documents


def plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_tells_of_the_suite_before_the_first_board() -> None:
    suite = load_suite("open-medical")
    text = plain(about_text(suite, None, "en"))
    for benchmark in suite.benchmarks:
        assert benchmark.title in text
    assert "4,183 0 acc 25.0 11.1 Pal, Umapathi and Sankarasubbu, 2022 Apache-2.0" in text
    assert "@misc{open_medical_llm_leaderboard," in text
    assert "Can I use the best model of this board with patients?" in text
    assert "evaluate organisation/name --suite open-medical" in text


def test_takes_the_number_of_questions_from_the_board() -> None:
    suite = load_suite("open-medical")
    column = BenchmarkColumn(
        key="medmcqa", title="x", n=1234, fewshot=0, metric="acc,none", baseline=0.25
    )
    meta = BoardMeta(
        suite="s", title="S", benchmarks=(column,), revision="r", built_at="t", content_hash="h"
    )
    text = plain(about_text(suite, meta, "en"))
    assert "1,234 0 acc" in text
    assert "4,183" not in text


def test_speaks_the_readers_language() -> None:
    text = plain(about_text(load_suite("open-medical"), None, "de"))
    assert "Wie viel Medizin wissen offene Sprachmodelle?" in text
    assert "4.183 0 acc 25,0" in text
    assert "The benchmarks" not in text


def test_a_suite_without_texts_has_a_page() -> None:
    bare = Suite.model_validate(
        {"name": "bare", "title": "Bare", "benchmarks": [{"key": "a", "title": "<b>A</b>"}]}
    )
    page = about_text(bare, None, "en")
    assert "&lt;b&gt;A" in page
    assert "How to cite" not in page


def test_a_suites_markdown_brings_no_html_and_no_scripts() -> None:
    html = markdown("<script>alert(1)</script> [a](javascript:alert(1)) [b](https://host/b)")
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert '<a href="https://host/b">b</a>' in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_long_text_is_there_with_the_same_shape(language: str) -> None:
    for name in documents("en"):
        shapes = [re.findall(r"<(\w+)", document(name, each)) for each in ("en", language)]
        parts = [
            [tag for tag in shape if tag in ("h3", "li", "tr", "pre", "a")] for shape in shapes
        ]
        assert parts[0] == parts[1], name


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "is the unweighted mean of the benchmarks"),
        ({"average": {"of": "groups", "scores": "normalised"}}, "made of normalised scores"),
        ({"ranked": {"without": ["cut_questions"]}}, "these marks has no rank: cut questions"),
        ({"groups": [{"title": "X", "tests": "Old facts."}]}, "X: Old facts."),
    ],
)
def test_says_how_the_average_is_made_and_what_a_rank_needs(fields: dict, said: str) -> None:
    benchmarks = [{"key": key, "title": key, "group": "X"} for key in "ab"]
    suite = Suite.model_validate({"name": "s", "title": "S", "benchmarks": benchmarks, **fields})
    assert said in plain(about_text(suite, None, "en"))
    assert "50.0" in plain(about_text(suite, None, "en"))


def test_shows_the_shares_of_a_weighted_average() -> None:
    benchmarks = [
        {"key": key, "title": key, "weight": w} for key, w in (("a", 3), ("b", 1), ("c", 0))
    ]
    suite = Suite.model_validate({"name": "s", "title": "S", "benchmarks": benchmarks})
    text = plain(about_text(suite, None, "en"))
    assert "weighted mean of the benchmarks; the table above shows the share" in text
    assert "75.0" in text
    assert "Benchmarks without a share are only shown." in text


def test_says_how_models_answer_where_the_suite_does() -> None:
    text = plain(about_text(load_suite("medical-extended"), None, "en"))
    assert "1,100 0 acc in words 0.0" in text
    assert "589 0 acc ranked choices 10.0" in text
    assert "Notes: Finding a medical error in a clinical note." in text
