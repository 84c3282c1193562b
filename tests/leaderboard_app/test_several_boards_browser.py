"""The switch between boards, the queue and the form of several boards, in a real Chromium."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from evalboard.settings import Settings
from tests.leaderboard_app.boards import BoardFolder, make_entry, make_row
from tests.leaderboard_app.browsing import browse
from tests.leaderboard_app.serving import build_app, serving
from tests.leaderboard_app.surroundings import behind_prefix

FURTHER, TITLE = "medical-pl", "Medicine in Polish"
FIRST_TITLE = "Open Medical-LLM Leaderboard"
ADDRESS = f"/boards/{FURTHER}/"


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """Settings of a viewer with a further board."""
    fields = {"home": home / "data", "suite": "open-medical", "suites": FURTHER, "offline": True}
    return Settings.model_validate(fields)


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


def switch(page: Page, title: str) -> None:
    page.get_by_role("navigation", name="Boards").get_by_role(
        "link", name=title, exact=True
    ).click()


def expect_model(page: Page, address: str, model: str) -> None:
    """Expect that a board shows one model, and that it has an address."""
    expect(page.locator("board-table .name")).to_have_text([model])
    expect(page).to_have_url(re.compile(f"{re.escape(address)}$"))


def test_the_switch_leads_from_board_to_board_and_each_has_its_address(page: Page) -> None:
    page.goto("/")
    expect_model(page, "/", "org/one")
    switch(page, TITLE)
    expect_model(page, ADDRESS, "org/two")
    expect(page.get_by_role("link", name=TITLE).first).to_have_attribute("aria-current", "true")
    page.reload()
    expect_model(page, ADDRESS, "org/two")
    page.get_by_role("link", name="Details of org/two").click()
    expect(page.locator("model-page .lead h1")).to_have_text("org/two")
    page.get_by_role("link", name="Analysis").click()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    switch(page, FIRST_TITLE)
    expect(page).to_have_url(re.compile(r"[0-9]/analysis$"))
    page.get_by_role("link", name="Board", exact=True).click()
    expect_model(page, "/", "org/one")


def test_the_queue_names_the_board_and_leads_to_it(page: Page) -> None:
    page.goto("/queue")
    expect(page.locator(".request .facts")).to_contain_text(TITLE)
    page.get_by_role("link", name="Scores of org/two").click()
    expect(page.locator("model-page .lead h1")).to_have_text("org/two")
    expect(page).to_have_url(re.compile(re.escape(f"{ADDRESS}model?")))


def test_the_form_submits_to_the_chosen_boards(page: Page) -> None:
    page.goto(f"{ADDRESS}submit")
    boards = page.get_by_role("group", name="Boards")
    expect(boards.get_by_label(TITLE)).to_be_checked()
    expect(boards.get_by_label(FIRST_TITLE)).not_to_be_checked()
    page.get_by_label("Model", exact=True).fill("no/such")
    boards.get_by_label(FIRST_TITLE).check()
    with page.expect_request("**/api/check") as sent:
        page.get_by_role("button", name="Check").click()
    asked = sent.value.post_data_json
    assert asked
    assert asked["suites"] == ["open-medical", FURTHER]
    expect(page.get_by_role("heading", name="cannot be evaluated yet")).to_be_visible()
    for title in (TITLE, FIRST_TITLE):
        boards.get_by_label(title).uncheck()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("Choose at least one board.")).to_be_visible()


def test_boards_work_behind_a_path_prefix_and_on_a_phone(behind_a_prefix: Page) -> None:
    page = behind_a_prefix
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("")
    switch(page, TITLE)
    expect_model(page, f"/lab{ADDRESS}", "org/two")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    switch(page, FIRST_TITLE)
    expect_model(page, "/lab/", "org/one")
