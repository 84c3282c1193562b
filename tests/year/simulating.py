"""Prefect's database over a year."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tests.year.cloning import Template, insert
from tests.year.schedule import EVALUATE, POLL, RECONCILE, runs_of
from tests.year.vacuuming import vacuum

WEEK = 7


class Week(NamedTuple):
    """The database at the end of a week."""

    runs: int
    """Flow runs so far, with those that are deleted."""
    kept: int
    """Flow runs in it."""
    file: int
    """Bytes of the file."""
    used: int
    """Bytes in use. Deleted rows leave free pages, which new rows fill."""


class DatabaseOfAYear:
    """A database with real runs, which are repeated.

    Args:
        file: Prefect's SQLite database. It must have run each flow that is repeated.
        keep_days: Days for which runs are kept.
    """

    def __init__(self, file: Path, *, keep_days: int) -> None:
        self._file = file
        self._keep_days = keep_days
        with sqlite3.connect(file) as database:
            self._templates = {
                flow: Template(database, _longest_run(database, flow))
                for flow in (POLL, RECONCILE, EVALUATE)
            }

    @property
    def rows_of_a_run(self) -> Mapping[str, int]:
        """Number of rows by flow that one run has in all tables."""
        return {flow: sum(each.sizes.values()) for flow, each in self._templates.items()}

    @staticmethod
    def days(end: datetime, number: int) -> list[datetime]:
        """Return the beginnings of the days before an end."""
        return [end - timedelta(days=left) for left in range(number, 0, -1)]

    def weeks(
        self,
        end: datetime,
        days: int,
        models: int,
        *,
        each_model: Callable[[datetime], None],
        each_week: Callable[[datetime], None],
    ) -> list[Week]:
        """Live through days, and return the database at the end of each week.

        Args:
            end: The time now.
            days: Number of days before.
            models: Number of models that are evaluated on them.
            each_model: Called with the day of each model.
            each_week: Called with the end of each week.
        """
        weeks: list[Week] = []
        runs = 0
        for number, day in enumerate(self.days(end, days)):
            of_day = models * (number + 1) // days - models * number // days
            runs += self._live(day, of_day)
            for _ in range(of_day):
                each_model(day)
            if number % WEEK == WEEK - 1 or number == days - 1:
                vacuum(day + timedelta(days=1), keep_days=self._keep_days)
                each_week(day)
                weeks.append(self._measured(runs))
        return weeks

    def _live(self, day: datetime, models: int) -> int:
        """Insert the runs of a day, and return their number."""
        with sqlite3.connect(self._file) as database:
            database.execute("PRAGMA synchronous = OFF")
            planned = list(runs_of(day, models))
            insert(
                database,
                (row for flow, at in planned for row in self._templates[flow].copies(at)),
            )
        return len(planned)

    def _measured(self, runs: int) -> Week:
        with sqlite3.connect(self._file) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (kept,) = database.execute("SELECT count(*) FROM flow_run").fetchone()
            (page,) = database.execute("PRAGMA page_size").fetchone()
            (pages,) = database.execute("PRAGMA page_count").fetchone()
            (free,) = database.execute("PRAGMA freelist_count").fetchone()
        return Week(runs, kept, os.stat(self._file).st_size, page * (pages - free))


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
