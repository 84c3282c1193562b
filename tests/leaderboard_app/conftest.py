"""A board store with generated content, and the viewer served from it.

Each module has one viewer and one Chromium; each test finds the stores empty and a new page.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from evalboard.settings import Settings
from leaderboard_app import app
from tests.leaderboard_app import boards
from tests.leaderboard_app.browsing import browse, chromium
from tests.leaderboard_app.serving import build_app, serving


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    return boards.make_row


@pytest.fixture
def make_entry() -> Callable[..., dict[str, Any]]:
    return boards.make_entry


@pytest.fixture
def hostile_name() -> str:
    """A model name that owns the page wherever it is read as HTML or as a template."""
    return "<img src=x onerror=\"document.title='owned'\">/${document.title='owned'}{{7*7}}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what the viewer of the module reads."""
    return tmp_path_factory.mktemp("viewer")


@pytest.fixture(scope="module")
def settings(home: Path) -> Settings:
    """Settings of a viewer with everything in a folder of the module."""
    return Settings.model_validate({"home": home / "data", "suite": boards.SUITE, "offline": True})


@pytest.fixture(autouse=True)
def _empty_stores(settings: Settings) -> None:
    """Take away what the test before has stored."""
    shutil.rmtree(settings.home, ignore_errors=True)


@pytest.fixture
def board_folder(settings: Settings) -> boards.BoardFolder:
    """An empty board store: not even its folder is there."""
    return boards.BoardFolder(Path(settings.store_address("board")))


@pytest.fixture(scope="module")
def viewer_address(settings: Settings) -> Iterator[str]:
    """The address of a running viewer on that board store, which it looks at for every answer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "LOCAL_SECONDS", 0.0)
        viewer = build_app(settings)
    with serving(viewer) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def http(viewer_address: str) -> Iterator[httpx.Client]:
    """What asks that viewer, and waits for it."""
    with httpx.Client(base_url=viewer_address, timeout=300) as client:
        yield client


@pytest.fixture
def page(browser: Browser, viewer_address: str) -> Iterator[Page]:
    """A page of that viewer that fails its test on errors and on requests to other hosts."""
    with browse(browser, viewer_address, locale="en-GB") as opened:
        yield opened
