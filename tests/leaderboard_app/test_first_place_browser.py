"""Is the first really better? The way of a reader from the board to the verdict, in a real Chromium."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from evalboard.settings import Settings
from tests.leaderboard_app.answered import write_answers, write_document, write_mirror
from tests.leaderboard_app.boards import BoardFolder, answer, make_row

KEY = "medqa_4options"
N = 200
LARGE = 620
"""Rows of a board of which more match a filter than the server ranks."""
RIGHT = {"a/best": 150, "b/near": 147, "c/large": 170, "d/closed": 160, "e/far": 110, "f/last": 60}


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    return Settings.model_validate(
        {"home": home / "data", "datasets": home / "mirror", "offline": True}
    )


@pytest.fixture
def rows(settings: Settings, board_folder: BoardFolder) -> list[dict[str, Any]]:
    """Six models, of which one is large and one not open; `a/best` and `b/near` have stored answers."""
    rows = [make_row(name, 0.7 - at / 20) for at, name in enumerate(RIGHT)]
    for row in rows:
        row["params_billion"] = 27.0 if row["model"] == "c/large" else 8.0
        row["license"] = "gemma" if row["model"] == "d/closed" else "apache-2.0"
    right = [[question < count for question in range(N)] for count in RIGHT.values()]
    # The second is right on four questions that the first is not, and wrong on seven others.
    right[1] = [7 <= question < 154 for question in range(N)]
    answers = answer(rows, {KEY: right})
    board_folder.write_board(rows, answers=answers)
    results = Path(settings.store_address("results"))
    assert settings.datasets is not None
    definition = write_mirror(settings.datasets, KEY, N)
    for row, of_row in zip(rows[:2], right, strict=False):
        write_answers(results, row, KEY, of_row)
        write_document(results, row, {KEY: definition})
    return rows


def ranks(page: Page) -> list[str]:
    return page.locator("board-table tbody td.rank").all_text_contents()


def names(page: Page) -> list[str]:
    return page.locator("board-table tbody .name").all_text_contents()


def test_the_best_open_model_below_10b_and_whether_its_lead_is_real_in_three_acts(
    page: Page, rows: list[dict[str, Any]]
) -> None:
    page.goto("/?lang=en")
    page.locator("board-table .name").first.wait_for()

    page.get_by_role("searchbox").fill("is:open params<10")
    page.get_by_role("button", name="MedQA", exact=True).click()
    firsts = page.locator("board-table .firsts")
    expect(firsts).to_have_text("On MedQA, 2 of 4 matching models share the first place.")
    assert names(page) == ["a/best", "b/near", "e/far", "f/last"]
    assert ranks(page) == ["1 1–2", "2 1–2", "3", "4"]
    expect(page.locator("td.rank.first")).to_have_count(2)
    page.get_by_role("link", name="Compare a/best with the next, b/near").click()

    verdict = page.locator(".verdicts p")
    expect(verdict).to_contain_text("a/best answers 1.5 points more than b/near")
    expect(page.get_by_role("heading", name="On MedQA")).to_be_visible()
    expect(verdict).to_contain_text("Taken alone, this can be chance.")
    expect(verdict).to_contain_text(
        "Among 4 models compared at once, the two are not told apart. "
        "a/best alone is right on 7 questions, b/near alone on 4."
    )
    decisive = page.locator("question-browser .subjects")
    expect(decisive.get_by_text("The questions that decide it, by subject (3)")).to_be_visible()
    expect(decisive.locator("tbody tr").first).to_contain_text("4")
    expect(page.locator("question-browser .question")).to_have_count(11)
    expect(page.locator("tr[data-key=medqa_4options] [data-paired=true]")).to_contain_text("≈")


def test_ranks_are_those_of_the_sorted_column_among_the_rows_shown(
    page: Page, rows: list[dict[str, Any]]
) -> None:
    page.goto("/?lang=en")
    page.locator("board-table .name").first.wait_for()
    firsts = page.locator("board-table .firsts")
    expect(page.locator("th.medqa_4options .least")).to_have_text(re.compile(r"^Δ \d+\.\d$"))

    page.get_by_role("button", name="MedQA", exact=True).click()
    expect(firsts).to_have_text("On MedQA, c/large alone is first among 6 models.")
    assert names(page)[:3] == ["c/large", "d/closed", "a/best"]
    expect(page.locator("td.rank.first")).to_have_count(0)
    expect(page.locator("td.sorted")).to_have_count(6)
    expect(page.locator("td.medqa_4options .best")).to_have_text("85.0")

    page.get_by_role("button", name="3 to 10B").click()
    expect(firsts).to_have_text("On MedQA, d/closed alone is first among 5 models 3 to 10B.")
    expect(page.locator("td.medqa_4options .best")).to_have_text("80.0")
    assert ranks(page) == ["1", "2 2–3", "3 2–3", "4", "5"]
    page.get_by_role("button", name="Take off the filter 3 to 10B").click()
    expect(firsts).to_contain_text("among 6 models")

    page.get_by_role("button", name="Parameters").click()
    expect(firsts).to_be_empty()
    assert ranks(page) == ["1", "2", "2", "2", "2", "2"]


def test_a_large_board_shows_its_first_rows_before_all_and_the_ranges_of_all(
    page: Page, board_folder: BoardFolder
) -> None:
    rows = [make_row(f"a/model-{at}", 0.7) for at in range(LARGE)]
    right = [[question < N - at // 4 for question in range(N)] for at in range(LARGE)]
    board_folder.write_board(rows, answers=answer(rows, {KEY: right}))
    held: list[Route] = []
    page.route("**/data/board.json", lambda route: held.append(route))
    page.goto("/?lang=en")
    count = page.locator("board-table .count")
    expect(count).to_contain_text("The first 100 of 620 models, the others are coming")
    firsts = page.locator("board-table .firsts")
    expect(firsts).to_be_empty()
    page.unroute("**/data/board.json")  # lets go on what was held
    expect(count).to_contain_text("620 models ·")
    expect(firsts).to_contain_text("of 620 models share the first place")

    page.get_by_role("searchbox").fill("model -model-1")
    page.get_by_role("button", name="MedQA", exact=True).click()
    expect(firsts).to_have_text(
        re.compile(
            r"^On MedQA, \d+ of 509 matching models may have the first place of the whole board\. "
            r"Ranges are those of the whole board, because more than 500 models match\.$"
        )
    )


def test_a_search_that_finds_nothing_says_what_the_queue_knows(
    page: Page, rows: list[dict[str, Any]], board_folder: BoardFolder, make_entry: Any
) -> None:
    lost = make_entry("acme/lost", "FAILED", reason="The model does not fit.")
    board_folder.write_queue([lost, make_entry("acme/other", "PENDING")])
    page.goto("/?lang=en&q=lost")
    notice = page.locator("board-table .notice")
    expect(notice).to_contain_text("In the queue: acme/lost: Failed. The model does not fit.")
    expect(notice).not_to_contain_text("acme/other")
    notice.get_by_role("link", name="acme/lost").click()
    expect(page).to_have_url(re.compile(r"/queue\?search=acme%2Flost$"))
    page.locator("queue-list").get_by_text("acme/lost").first.wait_for()
    page.goto("/model?lang=en&id=acme/lost")
    unknown = page.locator("model-page .notice")
    expect(unknown).to_contain_text("In the queue: acme/lost: Failed. The model does not fit.")
