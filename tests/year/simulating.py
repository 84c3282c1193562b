"""Prefect's database over a year."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.year.cloning import Row, Template, insert
from tests.year.schedule import DAY, EVALUATE, POLL, RECONCILE, REFRESH, Day
from tests.year.vacuuming import vacuum

WEEK = 7
FINISHED = "SELECT count(*) FROM flow_run WHERE end_time IS NOT NULL"
REPEATED_AS = {REFRESH: RECONCILE}
"""The flow whose run stands for one that the database does not have."""
HEARTBEAT_EVENT = "prefect.flow-run.heartbeat"


class Week(NamedTuple):
    """The database at the end of a week."""

    runs: int
    """Flow runs that were inserted so far, with those that are deleted."""
    kept: int
    """Flow runs in it."""
    events: int
    """Events in it."""
    file: int
    """Bytes of the file."""
    used: int
    """Bytes in use. Deleted rows leave free pages, which new rows fill."""


class DatabaseOfAYear:
    """A database with real runs, which are repeated.

    Args:
        file: Prefect's SQLite database. It must have run each flow that is repeated.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.finished: int
        """Number of real runs in it."""
        with sqlite3.connect(file) as database:
            (self.finished,) = database.execute(FINISHED).fetchone()
            runs = {flow: _longest_run(database, flow) for flow in (POLL, RECONCILE, EVALUATE)}
            self._heartbeat = Template.of_event(database, runs[EVALUATE], HEARTBEAT_EVENT)
            self._templates = {flow: Template.of_run(database, run) for flow, run in runs.items()}
        self._runs = 0

    @property
    def rows_of_a_run(self) -> Mapping[str, int]:
        """Number of rows by flow that one run has in all tables, without further heartbeats."""
        return {flow: sum(each.sizes.values()) for flow, each in self._templates.items()}

    def weeks(self, days: Sequence[Day], *, each_day: Callable[[Day], None]) -> Iterator[Week]:
        """Live through days with a vacuum after each, and give the database at the ends of weeks.

        Args:
            days: The days, the last one ends now.
            each_day: Called after each day.
        """
        for number, day in enumerate(days, start=1):
            self._live(day)
            vacuum(day.start + DAY)
            each_day(day)
            if number % WEEK == 0 or number == len(days):
                yield self._measured()

    def _live(self, day: Day) -> None:
        """Insert what a day leaves."""
        with sqlite3.connect(self._file) as database:
            database.execute("PRAGMA synchronous = OFF")
            insert(database, self._rows_of(day))

    def _rows_of(self, day: Day) -> Iterator[tuple[str, Row]]:
        for flow, at in day.runs():
            rows = list(self._templates[REPEATED_AS.get(flow, flow)].copies(at))
            self._runs += sum(table == "flow_run" for table, _ in rows)
            yield from rows
        for at in day.heartbeats():
            yield from self._heartbeat.copies(at)

    def _measured(self) -> Week:
        with sqlite3.connect(self._file) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            kept, events, page, pages, free = (
                database.execute(query).fetchone()[0]
                for query in (
                    "SELECT count(*) FROM flow_run",
                    "SELECT count(*) FROM events",
                    "PRAGMA page_size",
                    "PRAGMA page_count",
                    "PRAGMA freelist_count",
                )
            )
        return Week(self._runs, kept, events, os.stat(self._file).st_size, page * (pages - free))


def _longest_run(database: sqlite3.Connection, flow: str) -> str:
    """Return the id of the run of a flow with the most rows in its log."""
    found = database.execute(
        "SELECT flow_run.id FROM flow_run JOIN flow ON flow.id = flow_run.flow_id "
        "LEFT JOIN log ON log.flow_run_id = flow_run.id "
        "WHERE flow.name = ? AND flow_run.end_time IS NOT NULL "
        "GROUP BY flow_run.id ORDER BY count(log.id) DESC LIMIT 1",
        (flow,),
    ).fetchone()
    if found is None:
        raise ValueError(f"The database has no run of {flow!r} to repeat.")
    return found[0]
