"""The shared parts of the pages: data sources, frame, and HTML with escaped values."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evalboard.settings import Settings
from evalboard.suites.boards import SuiteBoard
from evalboard.suites.model import Suite
from leaderboard_app.board_data import Follower, RankedBoard
from leaderboard_app.language import DEFAULT, format_number, mark, t
from leaderboard_app.live_queue import LiveQueue
from leaderboard_app.login import Tickets

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

NAVIGATION = (
    (mark("Board"), "./"),
    (mark("Compare"), "compare"),
    (mark("Analysis"), "analysis"),
    (mark("Queue"), "queue"),
    (mark("Submit"), "submit"),
    (mark("Data"), "programs"),
    (mark("About"), "about"),
)


@dataclass(frozen=True)
class Viewer:
    """The data sources of the pages of one board."""

    settings: Settings
    suite: Suite
    board: Follower[RankedBoard]
    queue: LiveQueue
    boards: tuple[SuiteBoard, ...]
    """All boards of the installation, which share one queue."""
    folder: str = ""
    """Where the board's pages are, as `boards/name/`; empty for the first board."""
    tickets: Tickets | None = None
    """The log-in that submitting requires, None if everybody can submit."""

    @property
    def prefix(self) -> str:
        """Path of the board's pages, as `/boards/name`; empty for the first board."""
        return f"/{self.folder}".rstrip("/")

    @property
    def root(self) -> str:
        """Relative address of the first board, as `../../`; empty on its own pages."""
        return "../" * self.folder.count("/")


class Page(NamedTuple):
    """A page with its own address."""

    title: str
    """Marked for translation."""
    path: str
    """Empty for the front page."""
    build: Callable[[Viewer], None]
    """Places the page's parts."""


def element_page(title: str, path: str, element: str, lead: str = "") -> Page:
    """Return a page with one custom element, which its script in `static/` draws.

    Args:
        title: Marked for translation.
        path: Where the page is.
        element: Name of the element.
        lead: See `show_header`.
    """

    def build(viewer: Viewer) -> None:
        show_header(viewer, title, lead)
        show_html(f"<{element}></{element}>")

    return Page(title, path, build)


def render(template: str, language: str = DEFAULT, **values: Any) -> str:
    """Fill a template of `templates/`. Every value is escaped.

    In the template, `t("English", name=value)` gives the text in `language`, and `number(value,
    decimals)` formats a number for that language.
    """
    own = {
        "t": partial(t, language=language),
        "number": partial(format_number, language=language),
        "language": language,
    }
    return _TEMPLATES.get_template(template).render(**own, **values)


def show_html(content: str, **options: Any) -> gr.HTML:
    """Place HTML without Gradio's own styles and click event.

    The content is passed as the component's value and never as a template: Gradio evaluates
    templates as JavaScript.
    """
    return gr.HTML(content, apply_default_css=False, js_on_load=None, **options)


def show_header(viewer: Viewer, current: str, lead: str = "") -> None:
    """Place the top of a page: the board's title, the navigation, the page's heading.

    It is drawn by `static/header.js`, in the reader's language.

    Args:
        viewer: The pages' data sources.
        current: Name of the page, marked for translation.
        lead: One sentence under the heading, marked for translation; a page without one has a
            heading of its own.
    """
    show_html(
        render(
            "header.html",
            title=viewer.suite.title,
            boards=board_links(viewer, current),
            navigation=NAVIGATION,
            current=current,
            lead=lead,
        )
    )


def board_links(viewer: Viewer, current: str) -> list[tuple[str, str, bool]]:
    """Return title and relative address of each board, and whether it is the viewer's own.

    The address is that of the same page there, or of its table from the page of a model. A single
    board has no links.

    Args:
        viewer: The pages' data sources.
        current: Name of the page, marked for translation.
    """
    page = dict(NAVIGATION).get(current, "./").removeprefix("./")
    if len(viewer.boards) == 1:
        return []
    return [
        (
            board.suite.title,
            f"{viewer.root}{board.folder}{page}" or "./",
            board.folder == viewer.folder,
        )
        for board in viewer.boards
    ]
