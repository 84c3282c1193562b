"""A badge with a model's rank or average, for the model's own page. No I/O here."""

from typing import Any, Literal

from PIL import ImageFont

from leaderboard_app.board_data import RankedBoard
from leaderboard_app.board_rows import values
from leaderboard_app.language import DEFAULT, format_number
from leaderboard_app.pages import render
from leaderboard_app.responses import PreparedFile, prepare_file

Shown = Literal["rank", "average"]

MEDIA_TYPE = "image/svg+xml"
LONGEST_TITLE = 40
GOOD, NONE = "#0f766e", "#64748b"
_PADDING = 8
_FONT = ImageFont.load_default(11)


def badge_of(
    board: RankedBoard, title: str, row: dict[str, Any] | None, show: Shown
) -> PreparedFile:
    """Return a badge as SVG, in words of no language.

    Args:
        board: The board.
        title: Title of the board, shown on the left.
        row: The model's row, None if it has none.
        show: What stands on the right.
    """
    label = title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1] + "…"
    value = _value(board, row, show) if row else "–"
    widths = [round(_FONT.getlength(text)) + 2 * _PADDING for text in (label, value)]
    svg = render(
        "badge.svg",
        label=label,
        value=value,
        widths=widths,
        padding=_PADDING,
        colour=NONE if value == "–" else GOOD,
    )
    return prepare_file(svg.encode(), MEDIA_TYPE)


def _value(board: RankedBoard, row: dict[str, Any], show: Shown) -> str:
    """Return `#3 / 42` or `85.8 %`, a dash for a model without a rank."""
    if row.get(show) is None:
        return "–"
    if show == "average":
        return f"{format_number(100 * row['average'], 1, language=DEFAULT)} %"
    ranked = sum(rank is not None for rank in values(board.table, "rank"))
    numbers = [format_number(number, language=DEFAULT) for number in (row["rank"], ranked)]
    return f"#{numbers[0]} / {numbers[1]}"
