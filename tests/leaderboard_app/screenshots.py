"""Take a picture of every page: light, dark, on a phone and on a wide screen. `make screenshots` writes them to docs.

The board is made up, by the same hands as that of the tests; numbers and names mean nothing.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, sync_playwright

from evalboard.settings import Settings
from tests.leaderboard_app.boards import (
    QUESTIONS,
    SUITE,
    BoardFolder,
    answer,
    make_entry,
    make_row,
)
from tests.leaderboard_app.browsing import CHROMIUM, PATIENCE_MILLISECONDS
from tests.leaderboard_app.serving import build_app, serving

MODELS = 60
KEY = "medqa_4options"
PAGES = {
    "board": ("", "board-table .name"),
    "first": (f"?sort=-{KEY}&params=-10", "board-table td.rank.first"),
    "model": ("model?id=lab-3/model-3", "model-page h1"),
    "compare": (
        "compare?m=lab-5/model-59&m=lab-4/model-58&benchmark=medqa_4options",
        "compare-page .verdicts p",
    ),
    "analysis": ("analysis", ".js-plotly-plot"),
    "queue": ("queue", "queue-list .request"),
    "submit": ("submit", ".submit-form .send"),
    "about": ("about", ".about table"),
    "programs": ("programs", "api-list details"),
}
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
    "wide": {"viewport": {"width": 2560, "height": 1200}, "color_scheme": "light"},
}
WIDE_PAGES = ("board", "first")
QUIET_MILLISECONDS = 1500


def main() -> None:
    """Write `{page}-{look}.png` for every page and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.model_validate({"home": home, "suite": SUITE, "offline": True})
        fill(BoardFolder(Path(settings.store_address("board"))))
        with serving(build_app(settings)) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            for look in LOOKS:
                take(browser, address, look, folder)
            browser.close()


def take(browser: Browser, address: str, look: str, folder: Path) -> None:
    """Write the pictures of all pages in one look."""
    context = browser.new_context(base_url=address, locale="en-GB", **LOOKS[look])
    for name in WIDE_PAGES if look == "wide" else PAGES:
        path, ready = PAGES[name]
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        page.goto(f"/{path}")
        page.locator(ready).first.wait_for()
        page.wait_for_timeout(QUIET_MILLISECONDS)
        page.screenshot(path=folder / f"{name}-{look}.png")
        page.close()
    context.close()


def fill(board: BoardFolder) -> None:
    """Make up a board and a queue with something in every group."""
    names = [f"lab-{number % 9}/model-{number}" for number in range(MODELS)]
    rows = [make_row(name, 0.3 + i / 120) for i, name in enumerate(names)]
    random = np.random.default_rng(1)
    right = [random.random(QUESTIONS[KEY]) < row["average"] for row in rows]
    board.write_board(rows, answers=answer(rows, {KEY: right}))
    progress = {
        "medmcqa": {"state": "running", "done": 2140, "total": 4183},
        "medqa_4options": {"state": "done", "done": 1273, "total": 1273},
        "pubmedqa": {"state": "waiting", "done": 0, "total": 500},
    }
    board.write_queue(
        [
            make_entry(
                "lab-1/now",
                "RUNNING",
                benchmarks=progress,
                started_time="2026-11-21T09:10:00Z",
                seconds_left=1500,
            ),
            make_entry("lab-2/next", "PENDING", position=1, seconds_left=5400),
            make_entry("lab-4/later", "PENDING", position=2, seconds_left=9000),
            make_entry(
                "lab-5/too-large",
                "FAILED",
                reason="The model does not fit into the memory of one GPU.",
                code="out_of_memory",
                attempts=3,
                log_tail="Loading weights\nCUDA out of memory",
            ),
            make_entry(
                "lab-6/no-card", "REJECTED", reason="The model card is missing. Add a README.md."
            ),
            make_entry("lab-3/model-3", "FINISHED"),
        ]
    )


if __name__ == "__main__":
    main()
