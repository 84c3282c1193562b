"""The board: one table, drawn and kept current by `static/board.js`."""

from leaderboard_app.pages import Viewer, show_header, show_html

TITLE = "Board"


def build_page(viewer: Viewer) -> None:
    """Place the page's parts."""
    show_header(viewer, TITLE)
    show_html("<board-table></board-table>")
