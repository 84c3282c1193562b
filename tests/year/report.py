"""The page on the simulated year, and whether it keeps to what docs/operating.md promises."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from tests.year.schedule import EVALUATION, scheduled
from tests.year.simulating import Week

MIB = 2**20
DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "benchmarks-year.md"
PROMISES = DOCS / "operating.md"
DATABASE = "Prefect's database (SQLite)"
LOGS = "logs of the services"
WORK = "logs, notes and results in the work folder"
CACHE = "model cache"
FIRST_WEEKS = 7
"""Weeks in which the database grows. The page shows all of them, and some of the others."""
SIZES = (DATABASE, LOGS, WORK, CACHE)


class Year(NamedTuple):
    """What was simulated, and what it took."""

    days: int
    models: int
    weeks: Sequence[Week]
    rows: Mapping[str, int]
    """Rows of one run, by flow."""
    largest: Mapping[str, int]
    """Bytes by name of what grows."""
    written: int
    """Bytes that were written into the logs of the services."""
    keep_days: int
    seconds: float


def sizes_in(page: Path) -> dict[str, list[float]]:
    """Return the numbers of MiB by name of what grows, from the rows of a page's tables."""
    text = page.read_text(encoding="utf-8")
    rows = {
        name: re.search(rf"^\| {re.escape(name)} \|(.*)$", text, re.MULTILINE) for name in SIZES
    }
    return {
        name: [float(size) for size in re.findall(r"([\d.]+) MiB", row[1])]
        for name, row in rows.items()
        if row
    }


def broken_promises(largest: Mapping[str, int]) -> list[str]:
    """Return what became larger than docs/operating.md promises."""
    promised = sizes_in(PROMISES)
    return [
        f"{name}: {size / MIB:.1f} MiB, and {promised[name][0]:.0f} MiB are promised"
        for name, size in largest.items()
        if size > promised[name][0] * MIB
    ]


def report(year: Year) -> str:
    """Return the page."""
    promised = sizes_in(PROMISES)
    sizes = "\n".join(
        f"| {name} | {size / MIB:.1f} MiB | {promised[name][0]:.0f} MiB |"
        for name, size in year.largest.items()
    )
    intervals = ", ".join(
        f"`{flow}` every {interval.total_seconds():.0f} s" for flow, interval in scheduled().items()
    )
    each = ", ".join(f"{number} for `{flow}`" for flow, number in year.rows.items())
    hours = EVALUATION.total_seconds() / 3600
    return f"""# A simulated year

What {year.days} days with {year.models:,} models leave behind, and what [the page on a year](operating.md) promises.
`make year` writes this page and fails if a promise is broken. Last run: {datetime.now(UTC):%Y-%m-%d},
{year.seconds / 60:.0f} minutes.

| what | largest | promised |
| --- | ---: | ---: |
{sizes}

One tiny model is really evaluated, on the demo's three benchmarks. What Prefect stored of its runs, and what they
left in folders, is then repeated with the dates of the year: by the schedules of the deployments
({intervals}),
and for each model an evaluation of {hours:.0f} hours with its heartbeats and two more polls. A run of `refresh-models`
counts as one of `reconcile`, and every poll as one that starts an evaluation; one that finds nothing to do leaves a
third less.

After each day Prefect's own vacuum, with the settings of evalboard's server, deletes what the server would have
deleted by then: finished runs after {year.keep_days} days (`EVALBOARD_KEEP_RUNS_DAYS`), events after seven.
`evalboard clean --older-than 30` works once a week, and the logs of the services are cut each day.

## Prefect's database

| week | runs inserted | runs kept | events kept | file | in use |
| ---: | ---: | ---: | ---: | ---: | ---: |
{_table(year)}

Rows of one run in all tables: {each}.
SQLite keeps the pages of deleted rows and fills them again, so the file stays as large as its busiest month. The runs
of a suite with more benchmarks have more rows. The write-ahead log is not counted.

## Logs, work folder and cache

The services write {year.written / MIB:.0f} MiB in the year. One that has written more than `EVALBOARD_LOG_FILE_MIB` begins a new file and
keeps its last one. The engine of a tiny model writes a short log; vLLM writes longer ones, and the work folder grows
with them. A model in the cache has 1 MiB here and the cache a limit of 50 MiB; all {year.models:,} were put into it.

Not simulated: PostgreSQL, downloads, and the stores, which are the board and keep everything.
"""


def _table(year: Year) -> str:
    number = len(year.weeks)
    shown = {*range(min(FIRST_WEEKS, number)), *range(FIRST_WEEKS, number, 6), number - 1}
    return "\n".join(
        f"| {place + 1} | {week.runs:,} | {week.kept:,} | {week.events:,} | {week.file / MIB:,.0f} MiB "
        f"| {week.used / MIB:,.0f} MiB |"
        for place, week in enumerate(year.weeks)
        if place in shown
    )
