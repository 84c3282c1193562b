"""The queue: what was submitted and what became of it, kept current by `static/queue.js`."""

from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, show_header, show_html

TITLE, PATH = mark("Queue"), "queue"


def build_page(viewer: Viewer) -> None:
    """Place the page's parts."""
    show_header(viewer, TITLE, mark("Every submitted model and what became of it."))
    show_html("<queue-list></queue-list>")
