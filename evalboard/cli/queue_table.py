"""The queue as a table for a terminal."""

import json

from rich.table import Table
from rich.text import Text

from evalboard.records.table import QUEUE_FILE, BenchmarkProgress, QueueEntry
from evalboard.settings import Settings
from evalboard.stores.opening import open_store
from evalboard.stores.protocol import Store, retry_on_conflict

STYLES = {
    "RUNNING": "bold cyan",
    "FINISHED": "green",
    "FAILED": "bold red",
    "REJECTED": "red",
    "CANCELLED": "dim",
}
MARKS = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✗"}


def read_queue(settings: Settings) -> list[QueueEntry]:
    """Return the published queue; empty before it was first published."""
    store = open_store(settings.store_address("board"))
    return retry_on_conflict(lambda: _read(store))


def _read(store: Store) -> list[QueueEntry]:
    snapshot = store.snapshot()
    if QUEUE_FILE not in snapshot.files:
        return []
    return [QueueEntry.model_validate(entry) for entry in json.loads(snapshot.read(QUEUE_FILE))]


def queue_table(entries: list[QueueEntry], *, title: str = "Queue") -> Table:
    """Return the queue with one mark per benchmark: · waiting ▶ running ✓ done ✗ failed."""
    table = Table(title=title, expand=True)
    for column in ("model", "precision", "status", "benchmarks"):
        table.add_column(column, no_wrap=True)
    table.add_column("reason", no_wrap=True, overflow="ellipsis", ratio=1)
    for entry in entries:
        position = f" {entry.position}" if entry.position else ""
        table.add_row(
            Text(entry.model),
            Text(entry.precision),
            Text(entry.status + position, style=STYLES.get(entry.status, "")),
            Text(_marks(entry.benchmarks)),
            Text("" if entry.status == "FINISHED" else entry.reason),
        )
    return table


def _marks(benchmarks: dict[str, BenchmarkProgress]) -> str:
    done = sum(progress.state == "done" for progress in benchmarks.values())
    marks = "".join(MARKS[progress.state] for progress in benchmarks.values())
    return f"{marks} {done}/{len(benchmarks)}" if benchmarks else ""
