"""The figures as a table, beside what the viewer promises."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.leaderboard_app.bench.pages import Times

MARK = "<!-- `make bench-viewer` writes what follows. -->"


_SIZES = {"KB": 1e3, "MB": 1e6}


class Promise(NamedTuple):
    """One line: what is measured and what it may be at most."""

    key: str
    text: str
    limit: float
    unit: str


PROMISES = (
    Promise("first rows", "First rows, nothing cached", 1.0, "s"),
    Promise("table", "The table itself, nothing cached", 1.0, "s"),
    Promise("first there", "First rows, on a line of 1.6 Mbit/s", 1.0, "s"),
    Promise("after gradio", "The table itself there, after Gradio's own scripts", 1.0, "s"),
    Promise("first bytes", "The first hundred rows on the wire", 60e3, "KB"),
    Promise("wire bytes", "All rows on the wire, Gradio and fonts included", 1.8e6, "MB"),
    Promise("search", "Search result, after the pause of 0.12 s", 0.1, "s"),
    Promise("sort by score", "Sort by a score", 0.1, "s"),
    Promise("sort by name", "Sort by the model's name", 0.1, "s"),
    Promise("column", "Show or hide a column", 0.1, "s"),
    Promise("ranks", "Ranks and ranges among 500 rows, from the server", 0.1, "s"),
    Promise("heap bytes", "JavaScript heap of the page", 30e6, "MB"),
    Promise("server bytes", "Memory of the server, after all of it", 300e6, "MB"),
    Promise("further bytes", "Further memory for a second board", 60e6, "MB"),
    Promise("new board", "A new board in an open page, from its commit", 5, "s"),
    Promise("whole p95", "Data answer, all readers at once, 95th percentile", 0.2, "s"),
    Promise("unchanged p95", "The same for an unchanged board", 0.2, "s"),
)


def table(found: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table: middle and worst where there are several."""
    lines = ["| | measured | worst | at most |", "|---|---:|---:|---:|"]
    for promise in PROMISES:
        value = found[promise.key]
        middle, worst = value if isinstance(value, Times) else (value, None)
        cells = [_write(number, promise.unit) for number in (middle, worst, promise.limit)]
        lines.append(f"| {promise.text} | {' | '.join(cells)} |")
    return "\n".join(lines)


def broken(found: Mapping[str, Any]) -> list[str]:
    """Return the promises that the middle figures do not keep."""
    middles = {
        key: value.middle if isinstance(value, Times) else value for key, value in found.items()
    }
    return [promise.text for promise in PROMISES if middles[promise.key] > promise.limit]


def write_report(path: Path, heading: str, found: Mapping[str, Any]) -> None:
    """Replace the figures of a page; what stands above its mark stays."""
    page = path.read_text(encoding="utf-8")
    path.write_text(
        f"{page.partition(MARK)[0]}{MARK}\n\n{heading}\n\n{table(found)}\n", encoding="utf-8"
    )


def _write(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value / _SIZES.get(unit, 1):.2f} {unit}"
