"""What every process notes down while it works: one line per event, appended in one piece."""

import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple


class Event(NamedTuple):
    """One line. The clock is the machine's, the same for all its processes; in seconds."""

    time: float
    pid: int
    kind: str
    facts: dict[str, Any]


class Audit:
    """An append-only file that survives its writers."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, kind: str, *, pid: int | None = None, **facts: Any) -> None:
        """Append one event, of this process where no other is named."""
        event = [time.monotonic(), pid or os.getpid(), kind, facts]
        line = json.dumps(event).encode() + b"\n"
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(file, line)
        finally:
            os.close(file)

    def events(self) -> list[Event]:
        """Return all events in the order of their times."""
        if not self._path.exists():
            return []
        lines = self._path.read_text(encoding="utf-8").splitlines()
        return sorted(Event(*json.loads(line)) for line in lines)


class Span(NamedTuple):
    """When one run worked on one request."""

    start: float
    end: float
    run: str
    path: str


def spans(events: Iterable[Event]) -> list[Span]:
    """Return when each run worked: from `began` to its `ended`, or to the kill of its process."""
    found: list[Span] = []
    open_runs: dict[str, tuple[Event, int]] = {}
    for event in events:
        if event.kind == "began":
            open_runs[event.facts["run"]] = (event, event.pid)
        elif event.kind == "ended":
            began, _ = open_runs.pop(event.facts["run"])
            found.append(_span(began, event.time))
        elif event.kind == "killed":
            for run in [run for run, (_, pid) in open_runs.items() if pid == event.pid]:
                began, _ = open_runs.pop(run)
                found.append(_span(began, event.time))
    found += [_span(began, float("inf")) for began, _ in open_runs.values()]
    return found


def overlaps(events: Iterable[Event]) -> list[str]:
    """Return a sentence for every two runs that worked on one request at the same time."""
    by_path: defaultdict[str, list[Span]] = defaultdict(list)
    for span in spans(events):
        by_path[span.path].append(span)
    found: list[str] = []
    for path, those in by_path.items():
        those.sort()
        latest = those[0]
        for span in those[1:]:
            if span.start < latest.end:
                found.append(f"{path}: runs {latest.run} and {span.run} at the same time")
            latest = max(latest, span, key=lambda one: one.end)
    return found


def _span(began: Event, end: float) -> Span:
    return Span(began.time, end, began.facts["run"], began.facts["path"])
