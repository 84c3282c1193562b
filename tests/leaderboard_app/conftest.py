"""A board store with generated content, and the viewer served from it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from evalboard.settings import Settings
from tests.leaderboard_app import boards
from tests.leaderboard_app.browsing import browse
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


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a viewer with everything in a folder of the test."""
    return Settings.model_validate(
        {"home": tmp_path / "data", "suite": boards.SUITE, "offline": True}
    )


@pytest.fixture
def board_folder(settings: Settings) -> boards.BoardFolder:
    """An empty board store: not even its folder is there."""
    return boards.BoardFolder(Path(settings.store_address("board")))


@pytest.fixture
def viewer_address(settings: Settings) -> Iterator[str]:
    """The address of a running viewer on that board store."""
    with serving(build_app(settings)) as address:
        yield address


@pytest.fixture
def http(viewer_address: str) -> Iterator[httpx.Client]:
    """What asks that viewer, and waits for it."""
    with httpx.Client(base_url=viewer_address, timeout=300) as client:
        yield client


@pytest.fixture
def page(viewer_address: str) -> Iterator[Page]:
    """A page of that viewer that fails its test on errors and on requests to other hosts."""
    with browse(viewer_address, locale="en-GB") as opened:
        yield opened
