"""The model, compare and analysis pages in a real Chromium."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from evalboard.settings import Settings
from leaderboard_app.references import reference_of
from tests.leaderboard_app.answered import (
    entry_of,
    write_answers,
    write_document,
    write_mirror,
    write_request,
)

KEY = "medmcqa"
N = 60


class Shown(NamedTuple):
    """What the stores hold."""

    first: dict[str, Any]
    second: dict[str, Any]
    """Right on fewer questions than the first."""


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return Settings.model_validate(
        {"home": home / "data", "datasets": home / "mirror", "offline": True}
    )


@pytest.fixture
def shown(
    settings: Settings, board_folder: Any, make_row: Callable[..., Any], hostile_name: str
) -> Shown:
    """A board of three models; the names and texts of the first are hostile."""
    scores = {"medmcqa__n": N, "medmcqa__stderr": 0.05}
    first = make_row(hostile_name, 0.6, **scores, medmcqa=0.9, sender=hostile_name)
    second = make_row("org/second", 0.5, **scores, medmcqa=0.4)
    board_folder.write_board([first, second, make_row("org/third", 0.4)])
    results = Path(settings.store_address("results"))
    assert settings.datasets is not None
    definition = write_mirror(settings.datasets, KEY, N)
    write_answers(results, first, KEY, [number % 10 != 0 for number in range(N)])
    write_answers(results, second, KEY, [number % 5 < 2 for number in range(N)])
    machine = {"cpu": hostile_name}
    for row in (first, second):
        write_document(results, row, {KEY: definition}, machine=machine)
    path = write_request(Path(settings.store_address("requests")), second)
    board_folder.write_queue([entry_of(second, path)])
    return Shown(first, second)


def address(row: dict[str, Any], **more: str) -> str:
    return "/model?" + urlencode({"id": row["model"], **more})


def test_model_page_shows_scores_origin_and_every_attempt(page: Page, shown: Shown) -> None:
    page.goto(address(shown.second))
    expect(page.get_by_role("heading", name="org/second", level=1)).to_be_visible()
    scores = page.get_by_role("region", name="Scores")
    expect(scores.get_by_role("row", name="MedMCQA")).to_contain_text("40.00")
    expect(page.locator(".figures")).to_contain_text("2 of 3")
    expect(page.locator(".figures")).to_contain_text("50 % of the others")
    expect(page.locator("copy-text pre")).to_contain_text("evalboard evaluate org/second")
    expect(page.locator(".document")).to_contain_text("hash-of-medmcqa")
    expect(page.locator(".document")).to_contain_text("0.32.0")
    expect(page.locator(".history li")).to_have_count(3)
    expect(page.locator(".requests")).to_contain_text("FAILED · The GPU was full.")
    page.get_by_text("Last lines of the log").click()
    expect(page.locator(".requests pre")).to_have_text("last line")


def test_model_page_follows_the_board(
    page: Page, shown: Shown, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    page.goto(address(shown.second))
    expect(page.locator(".figures")).to_contain_text("2 of 3")
    page.locator("question-browser .question").first.wait_for()
    changed = shown.second | {"average": 0.99}
    board_folder.write_board([shown.first, changed], built_at="2026-11-22T10:00:00Z")
    expect(page.locator(".figures")).to_contain_text("1 of 2")
    expect(page.locator("question-browser .question")).to_have_count(20)


def test_details_of_a_row_on_the_board(
    page: Page, board_folder: Any, make_row: Callable[..., Any], hostile_name: str
) -> None:
    board_folder.write_board([make_row(hostile_name, 0.3, sender=hostile_name)])
    page.goto("/")
    page.locator("board-table .name").click()
    expect(page.get_by_role("heading", name=hostile_name)).to_be_visible()
    expect(page.locator(".model .provenance")).to_contain_text(hostile_name)
    expect(page.locator(".model img")).to_have_count(0)
    expect(page).to_have_title("Model · Open Medical-LLM Leaderboard")


def test_hostile_names_and_questions_are_text(page: Page, shown: Shown) -> None:
    page.goto(address(shown.first))
    expect(page.get_by_role("heading", name=shown.first["model"], level=1)).to_be_visible()
    expect(page.locator(".provenance").first).to_contain_text(shown.first["model"])
    question = page.locator("question-browser .question").first
    expect(question.locator("pre")).to_contain_text("Question 0 of medmcqa? <b>&amp;</b>")
    page.goto("/compare?" + urlencode([("m", reference_of(row)) for row in shown]))
    expect(page.locator(".chosen-models li")).to_have_count(2)
    expect(page.locator("[data-paired=true]")).to_have_count(1)
    expect(page.locator("compare-page img, compare-page b")).to_have_count(0)
    assert "owned" not in page.title()


def test_questions_are_filtered_by_keyboard_and_kept_in_the_address(
    page: Page, shown: Shown
) -> None:
    page.goto(address(shown.second))
    browser = page.locator("question-browser")
    status = browser.get_by_role("status").first
    expect(status).to_have_text("1 to 20 of 60 questions")
    # What comes later above the questions would move them away under a click.
    page.locator(".document").first.wait_for()
    browser.get_by_role("button", name="Wrong 36").press("Enter")
    expect(status).to_have_text("1 to 20 of 36 questions")
    expect(browser.get_by_role("button", name="Wrong 36")).to_be_focused()
    expect(browser.get_by_role("button", name="Wrong 36")).to_have_attribute("aria-pressed", "true")
    question = browser.locator(".question").first
    expect(question).to_contain_text("#2")
    expect(question.locator("tr", has_text="correct answer")).to_contain_text("C")
    expect(question.locator("tr", has_text="model's answer")).to_contain_text("D")
    expect(question.locator("tr", has_text="model's answer").locator("td")).to_contain_text("%")

    browser.get_by_text("By subject (3)").click()
    browser.get_by_role("button", name="Surgery").click()
    expect(status).to_have_text("1 to 12 of 12 questions")
    page.reload()
    expect(status).to_have_text("1 to 12 of 12 questions")
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["show"], asked["subject"]) == (["wrong"], ["Surgery"])
    browser.get_by_role("button", name="Surgery").click()
    expect(status).to_have_text("1 to 20 of 36 questions")
    browser.get_by_role("button", name="Next").click()
    expect(status).to_have_text("21 to 36 of 36 questions")
    browser.get_by_role("searchbox").press_sequentially("57")
    expect(status).to_have_text("1 to 1 of 1 questions")

    browser.get_by_label("Benchmark").select_option("PubMedQA")
    expect(status).to_contain_text("not stored")


_CARD = """answer => import("/ui/question-list.js").then(({ drawQuestion }) => {
  const question = { id: 7, hash: "0123456789abcdef", correct: [false], choices: [], target: "B" };
  document.body.replaceChildren(drawQuestion({ ...question, answers: [answer] }, ["org/thinker"]));
})"""


def test_a_card_says_how_an_answer_in_words_was_read(page: Page, hostile_name: str) -> None:
    page.goto("/queue")
    page.locator("queue-list .notice").wait_for()
    answer = {"output": "So B.", "raw": f"<think>{hostile_name}</think>So B.", "extracted": "B"}
    reading = {"rule": "last_letter", "state": "read", "ended": "length", "tokens": 1234}
    page.evaluate(_CARD, {**answer, **reading, "loglikelihoods": [], "probabilities": []})
    card = page.locator(".question")
    expect(card).to_contain_text("✗ wrong")
    expect(card).to_contain_text("Correct answer B")
    expect(card).to_contain_text("Read as B · by the rule last letter · read · ended by the limit")
    expect(card).to_contain_text("1,234 tokens")
    whole = card.get_by_label("Everything the model wrote, with its thinking")
    expect(whole).to_be_hidden()
    card.locator("summary").click()
    expect(whole).to_have_text(answer["raw"])


def test_another_model_beside_it_shows_where_they_differ(page: Page, shown: Shown) -> None:
    page.goto(address(shown.second))
    browser = page.locator("question-browser")
    browser.get_by_label("Add a model to compare").fill(shown.first["model"])
    browser.get_by_role("button", name="Show where the models differ").click()
    status = browser.get_by_role("status").first
    expect(status).to_have_text("1 to 20 of 42 questions")
    verdicts = browser.locator(".question").first.locator(".verdict")
    expect(verdicts).to_have_text(["✓ org/second: right", f"✗ {shown.first['model']}: wrong"])
    browser.get_by_role("button", name="Remove").click()
    expect(status).to_have_text("1 to 20 of 60 questions")


def test_compare_tells_models_apart_by_the_same_questions(page: Page, shown: Shown) -> None:
    page.goto("/compare")
    expect(page.get_by_role("heading", name="Choose models to compare")).to_be_visible()
    name = page.get_by_label("Name of a model")
    name.press_sequentially("SECO")
    expect(page.locator("datalist option")).to_have_count(1)
    for model in ("org/second", shown.first["model"]):
        page.get_by_label("Name of a model").fill(model)
        page.keyboard.press("Enter")
        expect(page.locator(".chosen-models")).to_contain_text(model)
    row = page.locator("tr[data-key=medmcqa]")
    expect(row.get_by_role("img", name="higher")).to_be_visible()
    expect(row.locator("[data-paired=true]")).to_contain_text("+50.0")
    expect(page.locator(".verdicts strong")).to_contain_text(
        "answers 50.0 points more than org/second"
    )
    expect(page.locator(".verdicts")).to_contain_text("alone is right on 36 questions")
    expect(page.locator("question-browser").get_by_role("status").first).to_contain_text("of 42")
    assert parse_qs(urlsplit(page.url).query)["m"] == [
        reference_of(shown.second),
        reference_of(shown.first),
    ]

    page.get_by_role("button", name="Make <img").click()
    expect(row.get_by_role("img", name="lower")).to_be_visible()
    page.get_by_role("button", name="Remove org/second").click()
    expect(page.locator(".chosen-models li")).to_have_count(1)


def test_analysis_follows_choice_and_theme(page: Page, shown: Shown) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto("/analysis")
    charts = page.locator(".js-plotly-plot .main-svg:first-of-type")
    expect(page.locator(".js-plotly-plot")).to_have_count(4)
    expect(charts.first).to_be_visible()
    expect(page.locator(".g-ytitle").first).to_have_text("Average")
    page.get_by_label("Score in the first two charts").click()
    page.get_by_role("option", name="PubMedQA").click()
    expect(page.locator(".g-ytitle").first).to_have_text("PubMedQA")
    assert parse_qs(urlsplit(page.url).query)["score"] == ["pubmedqa"]
    colours = page.evaluate(
        """() => [
          getComputedStyle(document.querySelector(".xtick text")).fill,
          getComputedStyle(document.body).getPropertyValue("color"),
          getComputedStyle(document.querySelector(".main-svg")).backgroundColor,
        ]"""
    )
    text, _, background = colours
    assert min(map(int, re.findall(r"\d+", text)[:3])) > 180, colours
    assert background in ("rgba(0, 0, 0, 0)", "transparent")
    page.reload()
    expect(page.locator(".g-ytitle").first).to_have_text("PubMedQA")
    page.locator(".js-plotly-plot[data-leads]").first.wait_for()
    page.evaluate(
        """document.querySelector(".js-plotly-plot")
          .emit("plotly_click", { points: [{ customdata: "org/second" }] })"""
    )
    expect(page.locator("model-page h1")).to_have_text("org/second")


@pytest.mark.slow
def test_pages_fit_a_phone_and_speak_german(page: Page, shown: Shown) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    ready = {
        address(shown.first, lang="de"): "question-browser .question",
        "/compare?lang=de&" + urlencode([("m", reference_of(r)) for r in shown]): ".verdicts p",
        "/analysis?lang=de": ".js-plotly-plot .main-svg",
    }
    for path, selector in ready.items():
        page.goto(path)
        page.locator(selector).first.wait_for(state="attached")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
    expect(page.get_by_role("heading", name="Wert im Lauf der Zeit")).to_be_visible()
