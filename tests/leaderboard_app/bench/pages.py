"""What a reader waits for, measured in a real Chromium that has nothing cached."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

from playwright.sync_api import Browser, CDPSession, Page, ViewportSize, sync_playwright

from evalboard.stores.local import LocalStore
from tests.leaderboard_app.bench.material import fill_board
from tests.leaderboard_app.browsing import CHROMIUM

LOADS = 5
REPEATS = 5
DEBOUNCE_SECONDS = 0.12
WINDOW = ViewportSize(width=1400, height=900)
PATIENCE_MILLISECONDS = 60_000
# After the first rows: for what Gradio still loads.
SETTLING_MILLISECONDS = 1500
ROW = "board-table tbody tr[data-place]"

# A slow mobile line: 1.6 Mbit/s, as Lighthouse measures.
SLOW_LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 200_000,
    "uploadThroughput": 93_750,
}
SLOW_LOADS = 3
# A row is not read before something is painted.
_FIRST = """Math.max(
  window.firstRow, performance.getEntriesByName("first-contentful-paint")[0].startTime
) / 1000"""
# Runs before the page does: notes when Gradio's scripts have drawn the page, when the first row can be read, be it
# before they run or after, and when that of the table itself is there, in milliseconds since navigation.
_NOTE = f"""
for (const [name, selector] of [["gradioDone", "board-table"], ["firstRow", "#shell tbody tr, {ROW}"], ["tableRow", {ROW!r}]])
  new MutationObserver((_, watcher) => {{
    if (!document.querySelector(selector)) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => {{ window[name] = performance.now(); }}));
  }}).observe(document, {{ childList: true, subtree: true }});
"""
# Does something and returns the seconds until its last change is painted.
_TIME = """async (act) => {
  const board = document.querySelector("board-table");
  let painted = performance.now();
  const watcher = new MutationObserver(() =>
    requestAnimationFrame(() => setTimeout(() => { painted = performance.now(); })));
  watcher.observe(board.querySelector("table"), { childList: true, subtree: true });
  const start = performance.now();
  new Function("board", act)(board);
  await new Promise((resolve) => setTimeout(resolve, 900));
  watcher.disconnect();
  return (painted - start) / 1000;
}"""
_SEARCH = """
const search = board.querySelector("input[type=search]");
search.value = {text!r};
search.dispatchEvent(new Event("input"));
"""
_SORT = 'board.querySelector("th.{key} button.sort").click();'
_TOGGLE = """
[...board.querySelectorAll(".columns label")].find((label) => label.textContent === {title!r})
  .querySelector("input").click();
"""
_ALL_COLUMNS = """board => board.change({
  columns: board.listed.filter((column) => !column.always).map((column) => column.key).slice(0, 37),
})"""


_ALL_ROWS = """() => {
  const { board } = document.querySelector("board-table");
  return board.rows === board.all_rows;
}"""


class Times(NamedTuple):
    """Several measurements of one thing."""

    middle: float
    worst: float


def measure_pages(address: str, store: LocalStore, models: int) -> dict[str, Any]:
    """Measure loading, and then everything a reader does on a board with 40 columns.

    Args:
        address: Where the viewer is.
        store: Its board store, which gets another board at the end.
        models: Number of rows.

    Returns:
        Seconds as `Times`, bytes and counts by name.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        loads = [_load(browser, address) for _ in range(LOADS)]
        first, table, sizes = zip(*loads, strict=True)
        slow = [_load_slowly(browser, address) for _ in range(SLOW_LOADS)]
        found: dict[str, Any] = {"first rows": _times(first), "table": _times(table)}
        found["wire bytes"] = max(sizes)
        found["first there"], found["after gradio"] = (
            _times(each) for each in zip(*slow, strict=True)
        )
        with _opened(browser, address) as (page, session, _received):
            found |= _measure_actions(page)
            found["heap bytes"] = _heap(session)
            found["drawn columns"] = page.locator("board-table thead th").count()
            found["new board"] = _measure_news(page, store, models)
        browser.close()
    return found


def _load(browser: Browser, address: str) -> tuple[float, float, int]:
    """Return the seconds to the first painted row, to that of the table, and the bytes on the wire with headers."""
    with _opened(browser, address) as (page, _session, received):
        page.wait_for_timeout(SETTLING_MILLISECONDS)
        first, table = page.evaluate(f"[{_FIRST}, window.tableRow / 1000]")
        return first, table, sum(received)


def _load_slowly(browser: Browser, address: str) -> tuple[float, float]:
    """Return the seconds to the first row on a slow line, and from Gradio's own scripts to that of the table."""
    with _opened(browser, address, SLOW_LINE) as (page, _session, _received):
        waited = page.evaluate("(window.tableRow - window.gradioDone) / 1000")
        return page.evaluate(_FIRST), waited


@contextmanager
def _opened(
    browser: Browser, address: str, line: dict[str, Any] | None = None
) -> Iterator[tuple[Page, CDPSession, list[int]]]:
    """Give a page of its own, with nothing cached, once it shows rows; and what it received."""
    context = browser.new_context(viewport=WINDOW, locale="en-GB")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.add_init_script(_NOTE)
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    if line:
        session.send("Network.emulateNetworkConditions", line)
    received: list[int] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_function("window.tableRow && window.gradioDone")
    yield page, session, received
    context.close()


def _measure_actions(page: Page) -> dict[str, Times]:
    page.wait_for_function(_ALL_ROWS)
    page.locator("board-table").evaluate(_ALL_COLUMNS)

    def time(*acts: str) -> Times:
        return _times([page.evaluate(_TIME, act) for _ in range(REPEATS) for act in acts])

    def time_columns() -> Times:
        # The menu is filled when it is opened.
        page.locator("board-table summary").filter(has_text="Columns").click()
        return time(_TOGGLE.format(title="Licence"))

    searching = time(*(_SEARCH.format(text=text) for text in ("llama;qwen @license:mit", "")))
    return {
        "search": Times(*(seconds - DEBOUNCE_SECONDS for seconds in searching)),
        "sort by score": time(_SORT.format(key="medmcqa"), _SORT.format(key="pubmedqa")),
        "sort by name": time(_SORT.format(key="model")),
        "column": time_columns(),
    }


def _measure_news(page: Page, store: LocalStore, models: int) -> float:
    """Return the seconds from a board's commit to its rows in the open page."""
    shown = page.locator("board-table .count").text_content()
    fill_board(store, models, seed=1)
    start = page.evaluate("performance.now()")
    page.wait_for_function(
        "shown => document.querySelector('board-table .count').textContent !== shown", arg=shown
    )
    return (page.evaluate("performance.now()") - start) / 1000


def _heap(session: CDPSession) -> int:
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(int(metric["value"]) for metric in metrics if metric["name"] == "JSHeapUsedSize")


def _times(seconds: Sequence[float]) -> Times:
    return Times(median(seconds), max(seconds))
