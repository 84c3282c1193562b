"""What all pages share, and the pages for submitting, in a real Chromium."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from evalboard.records.request import RequestRecord
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.work import WorkFolder
from tests.leaderboard_app.browsing import browse
from tests.leaderboard_app.serving import build_app, serving
from tests.leaderboard_app.surroundings import behind_prefix, page_with_frame

READY = {
    "./": "board-table .name",
    "queue": "queue-list .request",
    "submit": ".submit-form .send",
    "about": ".about .scroll table",
    "programs": "api-list details",
    "compare": "compare-page .lead h1",
    "analysis": ".js-plotly-plot",
    "model": "model-page .lead h1, .model .lead h1",
}
"""What is there when a page has been drawn."""
AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
TELL = "({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`)"


def fill(
    board_folder: Any, make_row: Callable[..., Any], make_entry: Callable[..., Any], name: str
) -> None:
    board_folder.write_board([make_row(name, 0.5, sender=name), make_row("acme/other", 0.6)])
    board_folder.write_queue(
        [make_entry(name, "FAILED", reason=f"No. {name}", log_tail=name, sender=name, code="x")]
    )


def see(page: Page, path: str) -> None:
    """Open a page and wait for its head and its contents, which Gradio loads apart."""
    page.goto(path)
    page.locator("h1").first.wait_for()
    page.locator(READY[path.partition("?")[0]]).first.wait_for()


def test_queue_shows_every_request_and_stays_current(
    page: Page,
    board_folder: Any,
    settings: Settings,
    make_entry: Callable[..., Any],
    hostile_name: str,
) -> None:
    WorkFolder(settings.work_folder).note_worker("gpu1")
    progress = {
        "medmcqa": {"state": "running", "done": 1000, "total": 4183},
        "pubmedqa": {"state": "failed", "done": 0, "total": 0, "reason": "No questions."},
    }
    running = make_entry(
        "a/running", "RUNNING", benchmarks=progress, run_url="http://x.test/run", seconds_left=4000
    )
    failed = make_entry(
        "c/failed",
        "FAILED",
        reason="Out of memory.",
        code="out_of_memory",
        run_url="javascript:alert(1)",
        log_tail="the end",
    )
    waiting = [make_entry(f"b/next-{n}", "PENDING", position=n) for n in range(1, 61)]
    errors = [
        {"level": "error", "code": "x", "message": f"No. {hostile_name}", "fix": "Add one."},
        {"level": "error", "code": "y", "message": "The card is missing."},
    ]
    rejected = make_entry(
        hostile_name, "REJECTED", reason="No. Add one.", findings=errors, sender="Other"
    )
    done = [
        make_entry("e/gone", "CANCELLED", reason="By its submitter."),
        make_entry("f/done", "FINISHED"),
    ]
    board_folder.write_queue([running, *waiting, failed, rejected, *done])
    page.goto("/queue")
    rows = page.locator("queue-list .request")
    expect(rows).to_have_count(50)
    expect(rows.first).to_contain_text("Running · 23 %")
    page.get_by_role("button", name="Show 15 more").click()
    expect(rows).to_have_count(65)
    expect(page.locator("queue-list img")).to_have_count(0)

    def open_row(name: str) -> Any:
        page.get_by_role("button", name=name, exact=True).click()
        return page.locator(".request", has_text=name).locator("+ .more")

    told = open_row("a/running")
    expect(told).to_contain_text("1,000 of 4,183")
    expect(told).to_contain_text("No questions.")
    expect(told).to_contain_text("about 67 min left")
    expect(page.get_by_role("link", name="Run in Prefect")).to_have_count(1)
    failure = open_row("c/failed")
    expect(failure).to_contain_text("Out of memory.")
    expect(failure).to_contain_text("The memory was too small for the model.")
    expect(failure).to_contain_text("What the operators can do: Give one engine more GPUs")
    expect(failure.locator("code")).to_have_text("evalboard requeue")
    expect(page.get_by_role("link", name="Run in Prefect")).to_have_count(1)
    findings = open_row(hostile_name).locator(".findings li")
    expect(findings).to_have_text([f"errorNo. {hostile_name}Add one.", "errorThe card is missing."])
    expect(open_row("e/gone")).to_contain_text("By its submitter.")
    open_row("f/done")
    expect(page.get_by_role("link", name="Scores of f/done")).to_be_visible()

    page.get_by_text("End of the log").click()
    expect(page.locator(".overview")).to_contain_text("Workers alive1")
    expect(page.locator(".overview")).to_contain_text("The memory was too small for the model. 1")
    late = make_entry("g/late", "PENDING", position=1)
    board_folder.write_queue([running, failed, late, rejected])
    expect(page.get_by_role("button", name="g/late", exact=True)).to_be_visible()
    expect(page.locator(".log pre")).to_be_visible()
    expect(page.locator(".log pre")).to_have_text("the end")

    by_model = page.locator("thead").get_by_role("button", name="Model")
    by_model.click()
    expect(page.get_by_role("columnheader", name="Model")).to_have_attribute(
        "aria-sort", "ascending"
    )
    by_model.click()
    expect(rows.first).to_contain_text("g/late")
    expect(page).to_have_url(re.compile(r"/queue\?sort=-model$"))
    by_model.click()

    failures = page.get_by_role("button", name="1 Failed")
    failures.click()
    expect(page).to_have_url(re.compile(r"/queue\?status=FAILED$"))
    expect(rows).to_have_count(1)
    expect(failures).to_be_focused()
    page.reload()
    expect(failures).to_have_attribute("aria-pressed", "true")
    expect(rows).to_have_count(1)
    expect(page.locator(".more .advice")).to_be_visible()
    failures.click()
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="The memory was too small for the model. 1").click()
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/queue\?code=out_of_memory$"))
    page.get_by_role("button", name="The memory was too small for the model. 1").click()

    page.get_by_label("Submitted by").fill("OTHER")
    expect(rows).to_have_count(1)
    expect(page.locator(".request .name")).to_have_text(hostile_name)
    expect(page).to_have_url(re.compile(r"\?sender=OTHER$"))
    page.reload()
    expect(page.locator(".filters [role=status]")).to_have_text("1 of 4 requests")
    expect(page.locator(".filters .feed")).to_have_attribute("href", "data/queue.atom?sender=OTHER")


@pytest.fixture(scope="module")
def settings(settings: Settings, home: Path) -> Settings:
    """With a mirror that has one model, and a limit."""
    (home / "models" / "org" / "present").mkdir(parents=True)
    return settings.model_copy(update={"models": home / "models", "submissions_per_week": 3})


_FACTS = """import("/ui/report.js").then(({ drawReport }) => {
  const report = { model: "a/b", revision: "c", findings: [], facts: { params_billion: 0.000274 } };
  return drawReport({ ok: true, report }, "", "").querySelector(".facts").textContent;
})"""


def test_form_checks_by_enter_and_shows_the_report(
    page: Page, settings: Settings, hostile_name: str
) -> None:
    open_queue(settings).add(RequestRecord(model="a/b", sender="lab"))
    page.goto("/submit?model=org%2Fpre")
    model = page.get_by_label("Model", exact=True)
    expect(model).to_have_value("org/pre")
    expect(page.get_by_label("Base model")).to_be_visible()
    expect(page.get_by_label("Revision of the base")).to_be_hidden()
    page.get_by_label("Weights").select_option("Adapter")
    expect(page.get_by_label("Revision of the base")).to_have_value("main")
    page.get_by_label("Submitted by").fill("Lab")
    expect(page.locator(".limits")).to_have_text("2 of 3 submissions in seven days remaining.")

    model.press("End")
    model.press_sequentially("s")
    expect(page.locator("datalist option").first).to_have_attribute("value", "org/present")

    model.fill("")
    page.get_by_role("button", name="Submit").click()
    expect(page.locator("#outcome")).to_contain_text("Enter the name of a model first")

    model.fill(hostile_name)
    model.press("Enter")
    heading = page.get_by_role("heading", name="This model cannot be evaluated yet")
    expect(heading).to_be_focused()
    expect(page.locator("#outcome")).to_contain_text("The model was not submitted.")
    expect(page.locator("#outcome")).to_contain_text("<img src=x")
    expect(page.locator("#outcome .findings .error")).not_to_have_count(0)
    expect(page.locator("#outcome .findings code").first).to_have_text("org/name")
    boxes = [place.bounding_box() for place in (heading, model)]
    tops = [box["y"] for box in boxes if box]
    assert len(tops) == 2
    assert abs(tops[0] - tops[1]) < 100, "the result is not beside the form"
    expect(page.locator("#outcome img")).to_have_count(0)

    held: list[Route] = []
    page.route("**/api/check", lambda route: held.append(route))
    model.fill("https://huggingface.co/org/present")
    model.press("Enter")
    expect(page.locator(".state")).to_contain_text("Checking")
    expect(page.locator("#outcome")).to_be_empty()
    held[0].continue_()
    expect(page.locator("#outcome .subject .name")).to_have_text("org/present")
    assert page.evaluate(_FACTS) == "Parameters0.274 million"


def test_language_and_colours_are_remembered_from_page_to_page(page: Page) -> None:
    page.goto("/about")
    expect(page.get_by_role("rowheader", name="PubMedQA")).to_be_visible()
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("heading", name="Wie man einreicht")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    page.get_by_role("button", name="Dunkle Farben").click()
    expect(page.locator("body")).to_have_class(re.compile("dark"))

    page.goto("/submit")
    expect(page.get_by_role("button", name="Prüfen")).to_be_visible()
    expect(page).to_have_title("Einreichen · Open Medical-LLM Leaderboard")
    expect(page.locator("body")).to_have_class(re.compile("dark"))
    page.goto("/queue?lang=en")
    expect(page.get_by_role("heading", name="The queue is empty")).to_be_visible()


def test_a_citation_is_copied(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/about")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("@misc{open_medical_llm_leaderboard,")


def test_other_pages_and_programs_get_the_board(
    page: Page, viewer_address: str, board_folder: Any, make_row: Callable[..., Any]
) -> None:
    board_folder.write_board([make_row("acme/model", 0.5)])
    see(page, "programs")
    line = f'board = pd.read_parquet("{viewer_address}/data/board.parquet")'
    expect(page.locator("copy-text code").first).to_contain_text(line)
    expect(page.locator("api-list")).to_contain_text("GET data/board.parquet")

    page.goto("/?embed=1")
    expect(page.locator("board-table .name")).to_have_count(1)
    expect(page.locator("page-header h1")).to_have_text("Open Medical-LLM Leaderboard")
    expect(page.locator("page-header a, page-header button")).to_have_count(0)
    expect(page.locator("base")).to_have_attribute("target", "_blank")


def test_the_keyboard_reaches_everything_in_order(page: Page) -> None:
    see(page, "submit")

    def tab() -> Any:
        page.keyboard.press("Tab")
        return page.evaluate(
            "(() => { const e = document.activeElement; return e.name || e.ariaLabel || e.textContent; })()"
        )

    passed = [tab() for _ in range(11)]
    assert passed[0] == "Skip to the content"
    assert passed[1] == "Open Medical-LLM Leaderboard"
    assert passed[2] == "Board"
    assert passed[-2:] == ["Language", "Dark colours"]
    fields = [tab() for _ in range(9)]
    assert fields == [
        *("model", "revision", "precision", "weight_type", "base_model", "model_type"),
        *("use_chat_template", "sender", "Check"),
    ]
    page.get_by_role("link", name="Skip to the content").press("Enter")
    expect(page.get_by_label("Model", exact=True)).to_be_focused()


def test_the_form_asks_for_thinking_only_with_the_template(page: Page) -> None:
    see(page, "submit")
    template, thinking = (
        page.locator(f"[name={n}]") for n in ("use_chat_template", "enable_thinking")
    )
    end = page.get_by_label("End of the thinking")
    expect(thinking).to_be_disabled()
    expect(end).to_be_hidden()
    template.check()
    thinking.check()
    end.fill(" [/THINK] ")
    asked = page.evaluate("document.querySelector('submit-form').read()")
    assert (asked["enable_thinking"], asked["think_end_token"]) == (True, "[/THINK]")
    template.uncheck()
    expect(end).to_be_hidden()
    asked = page.evaluate("document.querySelector('submit-form').read()")
    assert (asked["enable_thinking"], asked["think_end_token"]) == (False, "")


def test_works_behind_a_path_prefix(
    browser: Browser,
    settings: Settings,
    board_folder: Any,
    make_row: Callable[..., Any],
    make_entry: Callable[..., Any],
) -> None:
    fill(board_folder, make_row, make_entry, "acme/model")
    app = build_app(settings.model_copy(update={"viewer_root_path": "/lab/board"}))
    with (
        serving(behind_prefix(app, "/lab/board")) as address,
        browse(browser, f"{address}/lab/board/") as page,
    ):
        for path in READY:
            see(page, f"{path}?id=acme/model")
        page.get_by_role("link", name="Board", exact=True).click()
        page.locator(READY["./"]).first.wait_for()
        assert page.url == f"{address}/lab/board/"
        page.get_by_label("Language").select_option("de")
        expect(page.get_by_role("link", name="Einreichen")).to_be_visible()
        see(page, "queue")
        expect(page.locator(".request .status")).to_have_text("Gescheitert")
        see(page, "about")
        assert page.evaluate("fetch('openapi.json').then((r) => r.json())")["servers"] == [
            {"url": "/lab/board"}
        ]


def test_works_in_a_frame_of_another_site(
    browser: Browser,
    viewer_address: str,
    board_folder: Any,
    make_row: Callable[..., Any],
    make_entry: Callable[..., Any],
) -> None:
    fill(board_folder, make_row, make_entry, "acme/model")
    inside = viewer_address.replace("127.0.0.1", "localhost")
    with (
        serving(page_with_frame(f"{inside}/?lang=de")) as outside,
        browse(browser, outside, others=(inside,)) as page,
    ):
        page.goto("/")
        frame = page.frame_locator("iframe")
        frame.locator(READY["./"]).first.wait_for()
        frame.get_by_role("link", name="Warteschlange").click()
        expect(frame.locator(".request .status")).to_have_text("Gescheitert")


def test_no_page_has_a_barrier_that_axe_knows(
    page: Page, board_folder: Any, make_row: Callable[..., Any], make_entry: Callable[..., Any]
) -> None:
    if not AXE.is_file():
        pytest.skip(f"no axe-core; run `npm ci --prefix {AXE.parents[2]}`")
    fill(board_folder, make_row, make_entry, "acme/model")
    for path in READY:
        see(page, f"{path}?id=acme/model")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for colours in ("light", "dark"):
            assert page.evaluate("axe.run(document).then(tell)".replace("tell", TELL)) == [], (
                path,
                colours,
            )
            page.get_by_role("button", name="Dark colours").click()


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.slow), "de"])
def test_no_page_is_wider_than_a_phone_or_reads_a_name_as_html(
    language: str,
    page: Page,
    board_folder: Any,
    make_row: Callable[..., Any],
    make_entry: Callable[..., Any],
    hostile_name: str,
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    name = "organisation/" + "long-name-" * 8 + hostile_name
    fill(board_folder, make_row, make_entry, name)
    for path in READY:
        see(page, f"{path}?{urlencode({'lang': language, 'id': name})}")
        assert page.evaluate("document.documentElement.scrollWidth") == 390, path
        assert page.locator("main img[src=x], .gradio-container img[src=x]").count() == 0, path
        assert page.title() != "owned"
