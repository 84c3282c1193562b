"""Pictures for the previews of links: of a model among all others, and of the board. No I/O here."""

import io
from collections.abc import Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from leaderboard_app.board_data import RankedBoard
from leaderboard_app.board_rows import values
from leaderboard_app.language import format_number, t

SIZE = (1200, 630)
"""In pixels; what the services that show previews ask for."""
MARGIN = 80
INK, QUIET, ACCENT, PAPER = "#0f172a", "#475569", "#0f766e", "#ffffff"
BEST_ROWS = 5
_WIDTH = SIZE[0] - 2 * MARGIN


def draw_model(board: RankedBoard, title: str, row: dict[str, Any], language: str) -> bytes:
    """Return a model's name, average and rank, and where it is among all averages, as PNG."""
    canvas = _Canvas(title)
    org, _, name = row["model"].rpartition("/")
    canvas.write(org, 150, 40, QUIET)
    canvas.write(name, 200, 76, INK)
    average = row.get("average")
    if average is not None:
        share = format_number(100 * average, 1, language=language)
        canvas.write(f"{t('Average', language)} {share} %", 340, 60, ACCENT)
        canvas.mark(values(board.table, "average"), average)
    if row.get("rank") is not None:
        ranked = sum(rank is not None for rank in values(board.table, "rank"))
        rank, of = (format_number(n, language=language) for n in (row["rank"], ranked))
        canvas.write(f"{t('Rank', language)} {rank} / {of}", 415, 44, QUIET)
    return canvas.png()


def draw_board(board: RankedBoard, title: str, language: str) -> bytes:
    """Return the best rows of a board as PNG."""
    canvas = _Canvas(title, size=56)
    best = board.table.slice(0, BEST_ROWS).to_pylist()
    for place, row in enumerate(best):
        top = 190 + 76 * place
        average = row["average"]
        canvas.write(row["model"], top, 38, INK, width=_WIDTH - 160)
        if average is not None:
            canvas.bar(top + 50, average)
            canvas.write(format_number(100 * average, 1, language=language), top, 38, INK, end=True)
    return canvas.png()


class _Canvas:
    def __init__(self, title: str, *, size: int = 34) -> None:
        self._image = Image.new("RGB", SIZE, PAPER)
        self._draw = ImageDraw.Draw(self._image)
        self._draw.rectangle((0, 0, 20, SIZE[1]), fill=ACCENT)
        self.write(title, 70, size, QUIET)

    def write(
        self, text: str, top: int, size: int, colour: str, *, width: int = _WIDTH, end: bool = False
    ) -> None:
        """Write one line, smaller if it is too wide, at the left or the right edge."""
        font = ImageFont.load_default(size)
        if font.getlength(text) > width:
            font = ImageFont.load_default(max(16.0, size * width / font.getlength(text)))
        left = SIZE[0] - MARGIN - font.getlength(text) if end else MARGIN
        self._draw.text((left, top), text, fill=colour, font=font)

    def bar(self, top: int, share: float) -> None:
        """Draw a fraction of the width."""
        self._draw.rectangle((MARGIN, top, MARGIN + _WIDTH, top + 8), fill="#e2e8f0")
        self._draw.rectangle((MARGIN, top, MARGIN + round(_WIDTH * share), top + 8), fill=ACCENT)

    def mark(self, averages: Sequence[float | None], own: float) -> None:
        """Draw all averages as ticks on a line, and one of them large."""
        known = [average for average in averages if average is not None]
        low, high = min(known), max(known)
        middle = 550

        def place(average: float) -> float:
            return MARGIN + _WIDTH * ((average - low) / (high - low) if high > low else 0.5)

        for average in known:
            x = place(average)
            self._draw.line((x, middle - 18, x, middle + 18), fill="#94a3b8", width=2)
        self._draw.line((place(own), middle - 36, place(own), middle + 36), fill=ACCENT, width=8)

    def png(self) -> bytes:
        """Return the picture."""
        sink = io.BytesIO()
        self._image.save(sink, "PNG", optimize=True)
        return sink.getvalue()
