"""Copies of one real flow run in Prefect's SQLite database, with other ids and dates."""

import re
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Self

OWNED = {
    "flow_run_state": ("flow_run_id", "flow_run"),
    "task_run": ("flow_run_id", "flow_run"),
    "task_run_state": ("task_run_id", "task_run"),
    "log": ("flow_run_id", "flow_run"),
    "artifact": ("flow_run_id", "flow_run"),
}
"""Tables with rows that belong to a flow run: the column that says so, and the table it names."""
FAMILY = """
WITH RECURSIVE family(id) AS (
  VALUES (?)
  UNION
  SELECT child.id FROM family
  JOIN task_run ON task_run.flow_run_id = family.id
  JOIN flow_run AS child ON child.parent_task_run_id = task_run.id
) SELECT id FROM family
"""
"""A flow run and those that it has started, at any depth."""
DURATION = "total_run_time"
"""Prefect stores it as a date in 1970."""
Row = dict[str, Any]
Rows = Mapping[str, list[Row]]


class _Pattern(NamedTuple):
    """A row whose ids and dates are replaced in each copy."""

    fixed: Row
    with_ids: Mapping[str, list[str]]
    """By column: pieces of text, with an id between each two of them."""
    dates: Mapping[str, datetime]

    def filled(self, ids: Mapping[str, str], later: timedelta) -> Row:
        """Return the row with other ids and later dates."""
        row = dict(self.fixed)
        for name, pieces in self.with_ids.items():
            filled = [ids[each] if n % 2 else each for n, each in enumerate(pieces)]
            row[name] = "".join(filled)
        for name, date in self.dates.items():
            row[name] = _text(date + later)
        return row


class Template:
    """Rows that belong together, to be repeated.

    Args:
        database: Prefect's database.
        rows: The rows by table.
        start: Time of the first one.
    """

    def __init__(self, database: sqlite3.Connection, rows: Rows, start: datetime) -> None:
        self._start = start
        keys = [row.get("idempotency_key") for row in rows.get("flow_run", [])]
        ids = [row["id"] for each in rows.values() for row in each] + keys
        pattern = re.compile(f"({'|'.join(re.escape(each) for each in ids if each)})")
        self._patterns = {
            table: [_pattern(row, pattern, _date_columns(database, table)) for row in each]
            for table, each in rows.items()
        }

    @classmethod
    def of_run(cls, database: sqlite3.Connection, flow_run: str) -> Self:
        """Return a flow run and the flow runs it started, with all that Prefect stored of them."""
        runs = [each for (each,) in database.execute(FAMILY, (flow_run,))]
        rows = {"flow_run": _select(database, "flow_run", "id", runs)}
        for table, (column, owner) in OWNED.items():
            ids = [row["id"] for row in rows[owner]]
            rows[table] = _select(database, table, column, ids)
        (created,) = (row["created"] for row in rows["flow_run"] if row["id"] == flow_run)
        return cls(database, rows | _events(database, runs), _moment(created))

    @classmethod
    def of_event(cls, database: sqlite3.Connection, flow_run: str, kind: str) -> Self:
        """Return one event of a kind that tells of a flow run.

        Raises:
            ValueError: There is none.
        """
        found = [row for row in _events(database, [flow_run])["events"] if row["event"] == kind]
        if not found:
            raise ValueError(f"The run {flow_run} has no event {kind!r} to repeat.")
        resources = _select(database, "event_resources", "event_id", [found[0]["id"]])
        rows = {"events": found[:1], "event_resources": resources}
        return cls(database, rows, _moment(found[0]["occurred"]))

    @property
    def sizes(self) -> Mapping[str, int]:
        """Number of rows by table."""
        return {table: len(rows) for table, rows in self._patterns.items()}

    def copies(self, at: datetime) -> Iterator[tuple[str, Row]]:
        """Give table and row of everything in a copy that begins at a time."""
        ids: defaultdict[str, str] = defaultdict(lambda: str(uuid.uuid4()))
        for table, patterns in self._patterns.items():
            for pattern in patterns:
                yield table, pattern.filled(ids, at - self._start)


def insert(database: sqlite3.Connection, rows: Iterable[tuple[str, Row]]) -> int:
    """Insert rows, and return their number."""
    by_table: dict[str, list[Row]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    for table, found in by_table.items():
        names = list(found[0])
        columns = ", ".join(f'"{name}"' for name in names)
        places = ", ".join(f":{name}" for name in names)
        database.executemany(f'INSERT INTO "{table}" ({columns}) VALUES ({places})', found)
    return sum(len(found) for found in by_table.values())


def _pattern(row: Row, ids: re.Pattern[str], date_columns: list[str]) -> _Pattern:
    dates = {name: _moment(row[name]) for name in date_columns if row[name]}
    texts = {n: v for n, v in row.items() if isinstance(v, str) and n not in dates}
    pieces = {name: ids.split(value) for name, value in texts.items()}
    return _Pattern(row, {name: each for name, each in pieces.items() if len(each) > 1}, dates)


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
    return [
        name
        for _, name, kind, *_ in columns
        if kind in ("DATETIME", "TIMESTAMP") and name != DURATION
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
