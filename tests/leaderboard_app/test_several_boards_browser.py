"""The switch between boards, the queue and the form of several boards, and a board of answers in words, in
a real Chromium.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from evalboard.settings import Settings
from evalboard.suites.loader import load_suite
from tests.leaderboard_app.boards import BoardFolder, make_entry, make_row
from tests.leaderboard_app.browsing import browse
from tests.leaderboard_app.serving import build_app, serving
from tests.leaderboard_app.surroundings import behind_prefix

FURTHER, TITLE = "medical-pl", "Medicine in Polish"
FIRST_TITLE = "Open Medical-LLM Leaderboard"
ADDRESS = f"/boards/{FURTHER}/"
WORDS = "open-medical-cot"


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """Settings of a viewer with two further boards."""
    fields = {"home": home / "data", "suite": "open-medical", "suites": f"{FURTHER},{WORDS}"}
    return Settings.model_validate({**fields, "offline": True})


@pytest.fixture(autouse=True)
def _filled(board_folder: BoardFolder) -> None:
    board_folder.write_board([make_row("org/one", 0.5)])
    further = BoardFolder(board_folder.folder, FURTHER, f"boards/{FURTHER}/")
    row = make_row("org/two", 0.6, suite=FURTHER)
    further.write_board([row])
    entry = make_entry("org/two", "FINISHED", suite=FURTHER, sha8=row["sha"][:8])
    board_folder.write_queue([entry])


@pytest.fixture
def behind_a_prefix(browser: Browser, settings: Settings) -> Iterator[Page]:
    """A page of a viewer behind a proxy that strips a prefix."""
    app = build_app(settings.model_copy(update={"viewer_root_path": "/lab"}))
    with (
        serving(behind_prefix(app, "/lab")) as address,
        browse(browser, f"{address}/lab/", locale="en-GB") as page,
    ):
        yield page


def answered_in_words(model: str, score: float, **changes: Any) -> dict[str, Any]:
    """Return a row of a board of answers in words: 97.5 % are read, and 1.5 % are unfinished."""
    row = make_row(model, score, suite=WORDS, strict_accuracy=score - 0.01, read_share=0.975)
    row |= {"unfinished_share": 0.015, "median_tokens": 412, "p95_tokens": 8192}
    row |= {"points_over_loglikelihood": 12.34}
    for key in (benchmark.key for benchmark in load_suite(WORDS).benchmarks):
        figures = {"strict": row[key] - 0.01, "read": 0.975, "unfinished": 0.015}
        figures |= {"median_tokens": 412.0, "p95_tokens": 8192.0}
        figures |= {"points_over_loglikelihood": -3.21}
        row |= {f"{key}__{name}": value for name, value in figures.items()}
    return row | changes


def switch(page: Page, title: str) -> None:
    page.get_by_role("navigation", name="Boards").get_by_role(
        "link", name=title, exact=True
    ).click()


def expect_model(page: Page, address: str, model: str) -> None:
    """Expect that a board shows one model, and that it has an address."""
    expect(page.locator("board-table .name")).to_have_text([model])
    expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))


@pytest.mark.slow
def test_the_switch_leads_from_board_to_board_and_each_has_its_address(page: Page) -> None:
    page.goto("/")
    expect_model(page, "/", "org/one")
    switch(page, TITLE)
    expect_model(page, ADDRESS, "org/two")
    expect(page.get_by_role("link", name=TITLE).first).to_have_attribute("aria-current", "true")
    page.reload()
    expect_model(page, ADDRESS, "org/two")
    page.get_by_role("link", name="org/two", exact=True).click()
    expect(page.locator("model-page .lead h1")).to_have_text("org/two")
    page.get_by_role("link", name="Analysis").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    switch(page, FIRST_TITLE)
    expect(page).to_have_url(re.compile(r"[0-9]/analysis$"))
    page.get_by_role("link", name="Board", exact=True).click()
    expect_model(page, "/", "org/one")


def test_the_queue_names_the_board_and_leads_to_it(page: Page) -> None:
    page.goto("/queue")
    expect(page.locator(".request + .more .facts")).to_contain_text(TITLE)
    page.get_by_role("link", name="Scores of org/two").click()
    expect(page.locator("model-page .lead h1")).to_have_text("org/two")
    expect(page).to_have_url(re.compile(re.escape(f"{ADDRESS}model?")))


def test_the_form_submits_to_the_chosen_boards(page: Page) -> None:
    page.goto(f"{ADDRESS}submit")
    boards = page.get_by_role("group", name="Boards")
    expect(boards.get_by_label(TITLE)).to_be_checked()
    expect(boards.get_by_label(FIRST_TITLE, exact=True)).not_to_be_checked()
    page.get_by_label("Model", exact=True).fill("no/such")
    boards.get_by_label(FIRST_TITLE, exact=True).check()
    with page.expect_request("**/api/check") as sent:
        page.get_by_role("button", name="Check").click()
    asked = sent.value.post_data_json
    assert asked
    assert asked["suites"] == ["open-medical", FURTHER]
    expect(page.get_by_role("heading", name="cannot be evaluated yet")).to_be_visible()
    for title in (TITLE, FIRST_TITLE):
        boards.get_by_label(title, exact=True).uncheck()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Choose at least one board.")).to_be_visible()


@pytest.mark.slow
def test_boards_work_behind_a_path_prefix_and_on_a_phone(behind_a_prefix: Page) -> None:
    page = behind_a_prefix
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("")
    switch(page, TITLE)
    expect_model(page, f"/lab{ADDRESS}", "org/two")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    switch(page, FIRST_TITLE)
    expect_model(page, "/lab/", "org/one")


def test_answers_in_words_have_their_figures_on_the_board_and_on_the_models_page(
    page: Page, board_folder: BoardFolder
) -> None:
    row = answered_in_words("org/thinker", 0.6)
    short = answered_in_words("org/short", 0.4, flags=["format_or_limit"], read_share=0.5)
    BoardFolder(board_folder.folder, WORDS, f"boards/{WORDS}/").write_board([row, short])
    page.goto(f"/boards/{WORDS}/")
    rows = page.locator("board-table tbody tr[data-place]")
    expect(rows).to_have_count(2)
    flag = "Measured in another way than the other scores: format or limit"
    expect(rows.nth(1).get_by_role("img", name=flag)).to_be_visible()
    shown = {
        "strict_accuracy": "59.0",
        "read_share": "97.5",
        "unfinished_share": "1.5",
        "median_tokens": "412",
        "p95_tokens": "8,192",
        "points_over_loglikelihood": "+12.3",
    }
    for column, text in shown.items():
        cell = rows.first.locator(f"td[data-key={column}]")
        cell.scroll_into_view_if_needed()
        expect(cell).to_have_text(text)
    page.get_by_role("link", name="org/thinker", exact=True).click()
    anatomy = row["mmlu_anatomy_cot"]
    scores = page.get_by_role("region", name="Scores").locator("[data-key=mmlu_anatomy_cot]")
    low, high = (100 * row[f"mmlu_anatomy_cot__{end}"] for end in ("low", "high"))
    expect(scores).to_contain_text(f"{100 * anatomy:.2f}")
    expect(scores).to_contain_text(f"{low:.1f} – {high:.1f}")
    words = page.get_by_role("region", name="Answers in words")
    expect(words.locator("thead th")).to_have_text(
        [
            "Benchmark",
            "Answered",
            "By log-likelihood",
            "Difference to log-likelihood",
            "Strict accuracy",
            "Read",
            "Unfinished",
            "Tokens, median",
            "Tokens, 95 %",
        ]
    )
    told = [f"{100 * share:.2f}" for share in (anatomy, anatomy + 0.0321, anatomy - 0.01)]
    expect(words.locator("[data-key=mmlu_anatomy_cot]").locator("th, td")).to_have_text(
        ["MMLU Anatomy", *told[:2], "−3.2", told[2], "97.5", "1.5", "412", "8,192"]
    )
