"""Two to six models side by side: drawn by `static/compare.js`."""

from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, show_header, show_html

TITLE, PATH = mark("Compare"), "compare"


def build_page(viewer: Viewer) -> None:
    """Place the page's parts; the models are in the address."""
    show_header(viewer, TITLE)
    show_html("<compare-page></compare-page>")
