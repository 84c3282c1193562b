"""The parts of the simulated year, on tables like those of Prefect."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalboard.settings import Settings
from tests.year.cloning import OWNED, Template, insert
from tests.year.folders import WorkOfAYear
from tests.year.schedule import EVALUATE, POLL, runs_of, scheduled

RUN, STATE, TASK, EVENT = (f"{n}" * 8 + "-0000-4000-8000-000000000000" for n in (1, 2, 3, 4))
TABLES = {
    "flow_run": {"id": RUN, "state_id": STATE, "idempotency_key": "key"},
    "flow_run_state": {"id": STATE, "flow_run_id": RUN},
    "task_run": {"id": TASK, "flow_run_id": RUN},
    "task_run_state": {"id": "5", "task_run_id": "nothing"},
    "log": {"id": "6", "flow_run_id": RUN, "message": f"run {RUN}"},
    "artifact": {"id": "7", "flow_run_id": RUN},
    "events": {"id": EVENT, "payload": f'{{"id": "{STATE}"}}'},
    "event_resources": {"id": "8", "event_id": EVENT, "resource_id": f"prefect.flow-run.{RUN}"},
}


@pytest.fixture
def database() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    for table, row in TABLES.items():
        columns = ", ".join(f'"{name}" TEXT' for name in row)
        made.execute(f"CREATE TABLE {table} ({columns}, created DATETIME)")
        insert(made, iter([(table, {**row, "created": "2026-01-01 10:00:00.000000"})]))
    return made


def test_a_copy_has_ids_and_dates_of_its_own(database: sqlite3.Connection) -> None:
    template = Template(database, RUN)
    assert template.sizes == {table: int(table != "task_run_state") for table in TABLES}
    assert (
        insert(database, template.copies(datetime(2026, 3, 1, 12, tzinfo=UTC))) == len(TABLES) - 1
    )
    for table in TABLES:
        dates = {date for (date,) in database.execute(f"SELECT created FROM {table}")}
        assert ("2026-03-01 12:00:00.000000" in dates) == (table != "task_run_state")
    (run, state, key) = database.execute("SELECT * FROM flow_run").fetchall()[1][:3]
    assert run != RUN
    assert key != "key"
    found = database.execute("SELECT payload FROM events").fetchall()[1]
    assert found == (f'{{"id": "{state}"}}',)
    assert database.execute("SELECT message FROM log").fetchall()[1] == (f"run {run}",)
    for table, (column, owner) in OWNED.items():
        if table != "task_run_state":
            owners = {each for (each,) in database.execute(f"SELECT id FROM {owner}")}
            assert {each for (each,) in database.execute(f"SELECT {column} FROM {table}")} <= owners


def test_a_day_has_the_runs_of_the_schedules_and_of_its_models() -> None:
    day = datetime(2026, 3, 1, tzinfo=UTC)
    runs = list(runs_of(day, 3))
    planned = sum(timedelta(days=1) // interval for interval in scheduled().values())
    assert len(runs) == planned + 3 * 3
    assert sum(flow == EVALUATE for flow, _ in runs) == 3
    assert {flow for flow, _ in runs} >= {POLL, EVALUATE}
    assert min(at for _, at in runs) == day


def test_the_work_folder_is_largest_before_it_is_cleaned(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    log.parent.mkdir()
    log.write_bytes(bytes(1000))
    settings = Settings.model_validate({"home": tmp_path / "home"})
    work = WorkOfAYear([log], settings, clean_days=30)
    start = datetime.now(UTC) - timedelta(days=100)
    for week in range(10):
        day = start + timedelta(days=7 * week)
        work.leave(day)
        work.clean(day)
    assert work.largest == 5 * 1000 + 1000  # 5 weeks, and the one that is cleaned now
