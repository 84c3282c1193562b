"""What stands in for Prefect: runs with an idempotency key, a state and a process.

A fake, since a Prefect server takes a second per run and the soak is about the queue. It keeps what
Prefect promises: a key starts one run, a run is taken by one worker, a run whose process was killed
is found to have crashed some time later.
"""

import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from evalboard.intake.polling import MAX_STARTS_PER_ATTEMPT, Startable
from evalboard.intake.submission import EvaluationRequest
from evalboard.queueing.judging import RunState


class State(StrEnum):
    SCHEDULED = "scheduled"
    RUNNING = "running"
    OVER = "over"
    """Completed, failed, crashed, or ended because another run had the request."""


class Run(NamedTuple):
    """A run that a worker has taken."""

    id: str
    request: EvaluationRequest


class Runs:
    """All runs, in one file of SQLite: what was committed survives kills."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._database() as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY, id TEXT UNIQUE, "
                "request TEXT, state TEXT, pid INTEGER)"
            )
            database.execute("CREATE INDEX IF NOT EXISTS by_state ON runs (state)")

    def start(self, startable: Startable) -> str | None:
        """Start a run as `tasks.poll_tasks.start_evaluation` does, where nobody cancels runs.

        Returns:
            The run that will work, or does; None when too many have ended before they claimed.
        """
        for number in range(MAX_STARTS_PER_ATTEMPT):
            key = f"{startable.path}:{startable.attempt}:{startable.turn}:{number}"
            run_id, state = self._start_once(key, startable.request)
            if state in (State.SCHEDULED, State.RUNNING):
                return run_id
        return None

    def take(self, pid: int) -> Run | None:
        """Give the oldest run that waits to a process; None when none waits."""
        with self._database() as database:
            row = database.execute(
                "UPDATE runs SET state = ?, pid = ? WHERE rowid = (SELECT rowid FROM runs "
                "WHERE state = ? ORDER BY rowid LIMIT 1) RETURNING id, request",
                (State.RUNNING, pid, State.SCHEDULED),
            ).fetchone()
        return Run(row[0], EvaluationRequest.model_validate_json(row[1])) if row else None

    def end(self, run_id: str, state: State) -> None:
        """Note how a run ended."""
        with self._database() as database:
            database.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run_id))

    def lose(self, pid: int) -> None:
        """Find out that a process is gone: its run has crashed."""
        with self._database() as database:
            database.execute(
                "UPDATE runs SET state = ? WHERE pid = ? AND state = ?",
                (State.OVER, pid, State.RUNNING),
            )

    def states(self, run_ids: Iterable[str]) -> dict[str, RunState]:
        """Return the states of the runs that are known."""
        wanted = list(run_ids)
        marks = ", ".join("?" * len(wanted))
        with self._database() as database:
            rows = database.execute(f"SELECT id, state FROM runs WHERE id IN ({marks})", wanted)
            return {run: _judged(State(state)) for run, state in rows}

    def count(self) -> int:
        """Return how many runs there are."""
        with self._database() as database:
            return database.execute("SELECT count(*) FROM runs").fetchone()[0]

    def _start_once(self, key: str, request: EvaluationRequest) -> tuple[str, State]:
        with self._database() as database:
            database.execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?, ?, NULL)",
                (key, str(uuid.uuid4()), request.model_dump_json(), State.SCHEDULED),
            )
            found = database.execute("SELECT id, state FROM runs WHERE key = ?", (key,))
            run_id, state = found.fetchone()
        return run_id, State(state)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open it for one piece of work, so that no connection crosses a fork."""
        database = sqlite3.connect(self._path, timeout=60, isolation_level=None)
        try:
            database.execute("PRAGMA synchronous = OFF")
            yield database
        finally:
            database.close()


def _judged(state: State) -> RunState:
    return RunState.DEAD if state is State.OVER else RunState.ALIVE
