"""The queue as a table for a terminal."""

from collections.abc import Sequence
from datetime import datetime

from rich.table import Table

from evalboard.cli.reporting import cell
from evalboard.records.board_files import BenchmarkProgress, QueueEntry
from evalboard.records.times import parse_time
from evalboard.wording import duration

STYLES = {
    "RUNNING": "bold cyan",
    "FINISHED": "green",
    "FAILED": "bold red",
    "REJECTED": "red",
    "CANCELLED": "dim",
}
LONGEST_MODEL, LONGEST_SENDER, LONGEST_WORD = 100, 40, 16
"""Characters that are shown, so that the other columns keep their place."""
MARKS = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✗"}


def queue_table(entries: Sequence[QueueEntry], *, title: str = "Queue") -> Table:
    """Return the queue with one mark per benchmark: · waiting ▶ running ✓ done ✗ failed."""
    table = Table(title=title, expand=True)
    for column in ("model", "precision", "status", "benchmarks"):
        table.add_column(column, no_wrap=True)
    table.add_column("reason", no_wrap=True, overflow="ellipsis", ratio=1)
    for entry in entries:
        position = f" {entry.position}" if entry.position else ""
        table.add_row(
            cell(entry.model, longest=LONGEST_MODEL),
            cell(entry.precision, longest=LONGEST_WORD),
            cell(entry.status + position, style=STYLES.get(entry.status, "")),
            cell(_marks(entry.benchmarks)),
            cell("" if entry.status == "FINISHED" else entry.reason),
        )
    return table


def status_table(entries: Sequence[QueueEntry], *, now: datetime) -> Table:
    """Return the queue with sender, start and remaining time, for the board's operators.

    The suite has a column where there are several.
    """
    table = Table(title="Queue", expand=True)
    suites = {entry.suite for entry in entries}
    of_suite = ("suite",) if len(suites) > 1 else ()
    columns = ("#", "model", "revision", "precision", *of_suite, "status", "sender", "benchmarks")
    for column in columns:
        table.add_column(column, no_wrap=True)
    table.add_column("since", no_wrap=True, justify="right")
    table.add_column("left", no_wrap=True, justify="right")
    table.add_column("reason", overflow="fold", ratio=1)
    for entry in entries:
        attempt = f" ×{entry.attempts}" if entry.attempts > 1 else ""
        table.add_row(
            str(entry.position or ""),
            cell(entry.model, longest=LONGEST_MODEL),
            cell(entry.sha8),
            cell(entry.precision, longest=LONGEST_WORD),
            *(cell(entry.suite) for _ in of_suite),
            cell(entry.status + attempt, style=STYLES.get(entry.status, "")),
            cell(entry.sender, longest=LONGEST_SENDER),
            cell(_marks(entry.benchmarks)),
            _since(entry, now),
            "" if entry.seconds_left is None else duration(entry.seconds_left),
            cell(_why(entry)),
        )
    return table


def _since(entry: QueueEntry, now: datetime) -> str:
    """Return how long the request has been running, or how long ago it was submitted."""
    time = parse_time(entry.started_time or entry.submitted_time)
    return duration((now - time).total_seconds()) if time else ""


def _why(entry: QueueEntry) -> str:
    if entry.status == "FINISHED":
        return ""
    pause = f"after {entry.retry_after}: " if entry.retry_after else ""
    code = f"{entry.code}: " if entry.code else ""
    return pause + code + entry.reason


def _marks(benchmarks: dict[str, BenchmarkProgress]) -> str:
    done = sum(progress.state == "done" for progress in benchmarks.values())
    marks = "".join(MARKS[progress.state] for progress in benchmarks.values())
    return f"{marks} {done}/{len(benchmarks)}" if benchmarks else ""
