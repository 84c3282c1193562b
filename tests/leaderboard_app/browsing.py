"""Open pages in a real Chromium, and fail on what nobody should see."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    Response,
    expect,
    sync_playwright,
)

CHROMIUM = shutil.which("chromium")
PATIENCE_MILLISECONDS = 120_000


def wait_for_styles(page: Page) -> None:
    """Wait until the page's own styles are in force; Gradio adds them after its scripts have run."""
    page.wait_for_function(
        """() => {
          const links = [...document.querySelectorAll('link[rel=stylesheet][href*="ui/"]')];
          return links.length > 0 && links.every(link => link.sheet);
        }"""
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium. Until it ends, no other event loop can run in this thread."""
    if CHROMIUM is None:
        pytest.skip("no program `chromium` on the PATH; install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def browse(
    browser: Browser, address: str, *, others: tuple[str, ...] = (), **options: Any
) -> Iterator[Page]:
    """Give a page with `address` as its base, in a context of its own: no cookies, nothing cached.

    It fails its test on any error in the console, any answer that says error but for what is simply
    not stored, and any request to a host that is neither that of the address nor one of `others`.
    Further options are those of a browser context.
    """
    hosts = {"", *(urlsplit(each).netloc for each in (address, *others))}
    problems: list[str] = []

    def note_message(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            problems.append(message.text)

    def note_request(request: Request) -> None:
        if urlsplit(request.url).netloc not in hosts:
            problems.append(f"request to {request.url}")

    def note_response(response: Response) -> None:
        # A model without stored answers has no questions to show, and not every model is on the board.
        is_absent = response.status == 404 and "/data/model.json" in response.url
        if response.status >= 400 and "/data/questions.json" not in response.url and not is_absent:
            problems.append(f"{response.status} from {response.url}")

    with browser.new_page(base_url=address, **options) as opened:
        opened.set_default_timeout(PATIENCE_MILLISECONDS)
        expect.set_options(timeout=PATIENCE_MILLISECONDS)
        opened.on("console", note_message)
        opened.on("pageerror", lambda error: problems.append(str(error)))
        opened.on("request", note_request)
        opened.on("response", note_response)
        yield opened
    assert problems == [], "\n".join(problems)
