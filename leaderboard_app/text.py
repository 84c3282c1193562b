"""Texts of several pages, in every language."""

from leaderboard_app.language import mark

BOARD_UNREADABLE = mark(
    "The board's data cannot be read right now. The viewer's log contains the reason."
)
