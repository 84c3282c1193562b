"""The figures of a soak as a table, and in the project's documentation."""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from evalboard.records.times import timestamp

MARK = "<!-- `make soak` writes what follows. -->"

Document = Mapping[str, Any]

ROWS: dict[str, Callable[[Document], Any]] = {
    "store": lambda d: _STORES[d["scenario"]["store"]],
    "requests": lambda d: d["scenario"]["requests"],
    "pollers, workers, reconcilers": lambda d: ", ".join(
        str(d["scenario"][role]) for role in ("pollers", "workers", "reconcilers")
    ),
    "`kill -9`": lambda d: sum(d["kills"].values()),
    "calls of the Hub's client": lambda d: d["hub"]["calls"] if d["hub"] else "",
    "of them gone wrong": lambda d: sum(d["hub"]["faults"].values()) if d["hub"] else "",
    "seconds": lambda d: round(d["seconds"]),
    "runs started": lambda d: d["runs"],
    "claims": lambda d: d["events"].get("began", 0),
    "runs that came too late to claim": lambda d: d["events"].get("lost", 0),
    "released by reconcile": lambda d: d["events"].get("released", 0),
    "finished by reconcile": lambda d: d["events"].get("finished", 0),
    "changes by others, all kept": lambda d: (
        d["events"].get("edited", 0) + (len(d["hub"]["edits"]) if d["hub"] else 0)
    ),
    "commits to requests, results, board": lambda d: ", ".join(
        str(d["commits"][store]) for store in ("requests", "results", "board")
    ),
    "lost races between commits": lambda d: (
        d["events"].get("conflict", 0) + (d["hub"]["lost_races"] if d["hub"] else 0)
    ),
    "errors that ended a step": lambda d: sum(d["troubles"].values()),
    "**violations**": lambda d: f"**{len(d['violations'])}**",
}
_STORES = {"local": "folder", "hub": "Hub"}


def table(documents: Mapping[str, Document]) -> str:
    """Return the figures as Markdown: one column for each soak, and what went wrong on purpose."""
    if not documents:
        return ""
    lines = [_line(["", *documents]), _line(["---", *["---:"] * len(documents)])]
    lines += [_line([name, *map(row, documents.values())]) for name, row in ROWS.items()]
    for title, counts in (("Kills", _kills), ("Wrong answers of the Hub", _faults)):
        lines += ["", *_counted(title, {name: counts(d) for name, d in documents.items()})]
    for name, document in documents.items():
        if document["troubles"]:
            lines += ["", f"Errors that ended a step, {name}: {_listed(document['troubles'])}."]
        lines += [f"Violation, {name}: {one}" for one in document["violations"]]
    return "\n".join(lines)


LOOK_ROWS: dict[str, Callable[[Document], Any]] = {
    "calls": lambda d: sum(d["calls"].values()),
    "of them for single files": lambda d: d["calls"].get("resolve", 0),
    "refused for their number (429)": lambda d: d["refused"],
    "seconds of our CPU": lambda d: d["cpu_seconds"] or "",
    "growth of memory at most, MiB": lambda d: round(d["peak_mib"]) or "",
}


def looks_table(looked: Sequence[Document]) -> str:
    """Return what looks at a large queue cost as Markdown: one column for each look."""
    if not looked:
        return ""
    lines = [_line(["", *(d["name"] for d in looked)]), _line(["---", *["---:"] * len(looked)])]
    lines += [_line([name, *map(row, looked)]) for name, row in LOOK_ROWS.items()]
    return "\n".join(lines)


def write_report(path: Path, documents: Mapping[str, Document], looked: Sequence[Document]) -> None:
    """Replace the figures at the end of a Markdown file."""
    before, mark, _ = path.read_text(encoding="utf-8").partition(MARK)
    processors = f"{os.cpu_count()} × {platform.processor() or platform.machine()}"
    memory = psutil.virtual_memory().total / 2**30
    about = (
        f"Last run: `make soak`, {timestamp()}, {processors}, {memory:.1f} GiB, "
        f"Python {platform.python_version()}."
    )
    parts = [f"{before}{mark}", about, table(documents), looks_table(looked)]
    path.write_text("\n\n".join(filter(None, parts)) + "\n", encoding="utf-8")


def _kills(document: Document) -> Mapping[str, int]:
    return document["kills"]


def _faults(document: Document) -> Mapping[str, int]:
    return document["hub"]["faults"] if document["hub"] else {}


def _counted(title: str, counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return a table of what happened how often, without the soaks in which nothing did."""
    counts = {name: count for name, count in counts.items() if count}
    if not counts:
        return []
    kinds = sorted({kind for count in counts.values() for kind in count})
    lines = [_line([title, *counts]), _line(["---", *["---:"] * len(counts)])]
    return lines + [
        _line([kind, *(count.get(kind, 0) for count in counts.values())]) for kind in kinds
    ]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count} times" for kind, count in sorted(counts.items()))


def _line(cells: list[Any]) -> str:
    return (
        "| "
        + " | ".join(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in cells)
        + " |"
    )
