"""One model: drawn and kept current by `static/model.js`."""

from leaderboard_app.language import mark
from leaderboard_app.pages import Viewer, show_header, show_html

TITLE, PATH = mark("Model"), "model"


def build_page(viewer: Viewer) -> None:
    """Place the page's parts; the model is in the address."""
    show_header(viewer, TITLE)
    show_html("<model-page></model-page>")
