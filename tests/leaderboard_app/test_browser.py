"""The viewer in a real Chromium."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from evalboard.records.table import SubjectColumn


def names(page: Page) -> list[str]:
    return page.locator("board-table tbody .name").all_text_contents()


def test_board_sorts_searches_and_stays_current(
    page: Page, board_folder: Any, make_row: Callable[..., Any], hostile_name: str
) -> None:
    best, middle = make_row("acme/best", 0.8), make_row("acme/middle", 0.6, pubmedqa=0.99)
    part = make_row("beta/part", 0.7, lacks=["pubmedqa"])
    hostile = make_row(hostile_name, 0.3)
    board_folder.write_board([hostile, part, middle, best])
    page.goto("/")

    rows = page.locator("board-table tbody tr")
    expect(rows).to_have_count(4)
    assert names(page) == ["acme/best", "acme/middle", hostile_name, "beta/part"]
    expect(rows.nth(3)).to_contain_text("incomplete 8/9")
    expect(rows.nth(3).locator("td.pubmedqa")).to_have_text("—")
    expect(rows.nth(0).locator("td.medmcqa")).to_have_text(
        f"{100 * best['medmcqa']:.1f} ±{100 * best['medmcqa__stderr']:.1f}"
    )
    link = page.get_by_role("link", name="acme/best", exact=True)
    expect(link).to_have_attribute("href", "https://huggingface.co/acme/best")

    page.get_by_role("button", name="PubMedQA").click()
    assert names(page)[0] == "acme/middle"
    assert names(page)[-1] == "beta/part"
    expect(page.locator("th.pubmedqa")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="PubMedQA").click()
    assert names(page) == [hostile_name, "acme/best", "acme/middle", "beta/part"]

    page.get_by_role("searchbox").fill("ACME")
    expect(rows).to_have_count(2)
    expect(page.locator("board-table [role=status]")).to_contain_text("2 of 4 models")

    board_folder.write_board([best, middle, part, hostile, make_row("acme/new", 0.9)])
    expect(rows).to_have_count(3)
    page.get_by_role("searchbox").fill("")
    expect(rows).to_have_count(5)

    expect(page.locator("board-table img")).to_have_count(0)
    expect(page).to_have_title("Open Medical-LLM Leaderboard")


def test_a_group_opens_into_its_subjects_by_keyboard(
    page: Page, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    subjects = {
        "medmcqa": [
            SubjectColumn(key="surgery", title="MedMCQA: surgery", n=369),
            SubjectColumn(key="skin", title="MedMCQA: skin", n=17),
        ]
    }
    rows = [
        make_row("acme/best", 0.8, surgery=0.1, surgery__stderr=0.01, skin=0.9),
        make_row("acme/other", 0.4, surgery=0.7, surgery__stderr=0.02, skin=0.2),
    ]
    board_folder.write_board(rows, subjects=subjects)
    page.goto("/")
    opener = page.get_by_role("button", name="2 subjects of MedMCQA")
    heads = page.locator("board-table thead th")
    expect(opener).to_have_count(1)
    expect(opener).to_have_attribute("aria-expanded", "false")
    closed = heads.count()
    expect(page.locator("td.surgery")).to_have_count(0)

    page.get_by_role("button", name="MedMCQA", exact=True).focus()
    page.keyboard.press("Tab")
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(heads).to_have_count(closed + 2)
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(opener).to_be_focused()
    expect(page.locator("td.surgery")).to_have_text(["10.0 ±1.0", "70.0 ±2.0"])
    expect(page.locator("td.surgery span[title]").first).to_have_attribute(
        "title", "MedMCQA: surgery: 10.00 %, standard error 1.00, 369 questions"
    )

    page.get_by_role("button", name="MedMCQA: surgery").click()
    assert names(page) == ["acme/other", "acme/best"]
    expect(page.locator("th.surgery")).to_have_attribute("aria-sort", "descending")
    board_folder.write_board([*rows, make_row("acme/new", 0.9, surgery=0.4)], subjects=subjects)
    expect(page.locator("board-table tbody tr")).to_have_count(3)
    assert names(page) == ["acme/other", "acme/new", "acme/best"]

    opener.click()
    expect(heads).to_have_count(closed)
    expect(page.locator("th.medmcqa")).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["acme/new", "acme/best", "acme/other"]


def test_rows_follow_when_the_reader_scrolls(
    page: Page, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row(f"org/m{number}", 0.5) for number in range(450)])
    page.goto("/")
    rows = page.locator("board-table tbody tr")
    expect(rows).not_to_have_count(0)
    assert rows.count() < 450
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(400)
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(450)


def test_the_first_board_appears_in_an_open_page(
    page: Page, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="No model on the board yet")).to_be_visible()
    board_folder.write_board([make_row("acme/first", 0.5)])
    expect(page.locator("board-table tbody tr")).to_have_count(1)
    expect(page.get_by_role("heading", name="No model on the board yet")).to_have_count(0)


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
