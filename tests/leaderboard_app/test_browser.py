"""The viewer in a real Chromium."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect


def test_details_of_a_row(
    page: Page, board_folder: Any, make_row: Callable[..., Any], hostile_name: str
) -> None:
    board_folder.write_board([make_row(hostile_name, 0.3, sender=hostile_name)])
    page.goto("/")
    page.get_by_role("link", name="Details of").click()
    expect(page.get_by_role("heading", name=hostile_name)).to_be_visible()
    expect(page.locator(".model .provenance")).to_contain_text(hostile_name)
    expect(page.locator(".model img")).to_have_count(0)
    expect(page).to_have_title("Open Medical-LLM Leaderboard")
