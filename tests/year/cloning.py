"""Copies of one real flow run in Prefect's SQLite database, with other ids and dates."""

import re
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

OWNED = {
    "flow_run_state": ("flow_run_id", "flow_run"),
    "task_run": ("flow_run_id", "flow_run"),
    "task_run_state": ("task_run_id", "task_run"),
    "log": ("flow_run_id", "flow_run"),
    "artifact": ("flow_run_id", "flow_run"),
}
"""Tables with rows that belong to a flow run: the column that says so, and the table it names."""
EVENTS = ("events", "event_resources")
Row = dict[str, Any]


class Template:
    """A flow run with all that Prefect stored of it.

    Args:
        database: Prefect's database.
        flow_run: Id of the flow run.
    """

    def __init__(self, database: sqlite3.Connection, flow_run: str) -> None:
        self._rows: dict[str, list[Row]] = {
            "flow_run": _select(database, "flow_run", "id", [flow_run])
        }
        for table, (column, owner) in OWNED.items():
            ids = [row["id"] for row in self._rows[owner]]
            self._rows[table] = _select(database, table, column, ids)
        self._rows |= _events(database, [row["id"] for row in self._rows["flow_run"]])
        self._dates = {table: _date_columns(database, table) for table in self._rows}
        self._start = _moment(self._rows["flow_run"][0]["created"])
        ids = [row["id"] for rows in self._rows.values() for row in rows]
        self._ids = re.compile("|".join(re.escape(each) for each in ids))

    @property
    def sizes(self) -> Mapping[str, int]:
        """Number of rows by table."""
        return {table: len(rows) for table, rows in self._rows.items()}

    def copies(self, at: datetime) -> Iterator[tuple[str, Row]]:
        """Give table and row of everything in a copy of the run that was created at a time."""
        new: dict[str, str] = {}
        later = at - self._start

        def renamed(match: re.Match[str]) -> str:
            return new.setdefault(match[0], str(uuid.uuid4()))

        for table, rows in self._rows.items():
            dates = self._dates[table]
            for row in rows:
                copy = {
                    name: self._ids.sub(renamed, value) if isinstance(value, str) else value
                    for name, value in row.items()
                }
                for name in dates:
                    if row[name]:
                        copy[name] = _text(_moment(row[name]) + later)
                if copy.get("idempotency_key"):
                    copy["idempotency_key"] = str(uuid.uuid4())
                yield table, copy


def insert(database: sqlite3.Connection, rows: Iterator[tuple[str, Row]]) -> int:
    """Insert rows, and return their number."""
    by_table: dict[str, list[Row]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, found in by_table.items():
        names = list(found[0])
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join("?" * len(names))
        database.executemany(
            f'INSERT INTO "{table}" ({columns}) VALUES ({places})',
            [tuple(row.values()) for row in found],
        )
    return sum(len(found) for found in by_table.values())


def _select(database: sqlite3.Connection, table: str, column: str, values: list[str]) -> list[Row]:
    places = ", ".join("?" * len(values))
    found = database.execute(f'SELECT * FROM "{table}" WHERE "{column}" IN ({places})', values)
    names = [each[0] for each in found.description]
    generated = _generated(database, table)
    return [{n: v for n, v in zip(names, row, strict=True) if n not in generated} for row in found]


def _events(database: sqlite3.Connection, flow_runs: list[str]) -> dict[str, list[Row]]:
    resources = [f"prefect.flow-run.{each}" for each in flow_runs]
    named = _select(database, "event_resources", "resource_id", resources)
    ids = sorted({row["event_id"] for row in named})
    return {
        "events": _select(database, "events", "id", ids),
        "event_resources": _select(database, "event_resources", "event_id", ids),
    }


def _generated(database: sqlite3.Connection, table: str) -> set[str]:
    """Return the columns that the database computes."""
    columns = database.execute(f'PRAGMA table_xinfo("{table}")')
    return {name for _, name, *_, hidden in columns if hidden}


def _date_columns(database: sqlite3.Connection, table: str) -> list[str]:
    columns = database.execute(f'PRAGMA table_info("{table}")')
    return [name for _, name, kind, *_ in columns if kind in ("DATETIME", "TIMESTAMP")]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
