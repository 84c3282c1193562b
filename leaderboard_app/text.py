"""What several pages say, in every language."""

from leaderboard_app.language import mark

BOARD_UNREADABLE = mark(
    "The board's data cannot be read just now. Whoever runs this board finds the reason in the "
    "viewer's log."
)
