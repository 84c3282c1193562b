"""The parts of the simulated year, on tables like those of Prefect."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from evalboard.settings import Settings
from tests.year.cloning import OWNED, Template, insert
from tests.year.folders import LogsOfAYear, WorkOfAYear
from tests.year.report import PAGE, PROMISES, SIZES, broken_promises, sizes_in
from tests.year.schedule import EVALUATE, POLL, Day, days_before, scheduled

RUN, STATE, TASK, EVENT, CHILD = (
    f"{n}" * 8 + "-0000-4000-8000-000000000000" for n in (1, 2, 3, 4, 9)
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TABLES = {
    "flow_run": {
        "id": RUN,
        "state_id": STATE,
        "idempotency_key": "key",
        "parent_task_run_id": None,
    },
    "flow_run_state": {"id": STATE, "flow_run_id": RUN},
    "task_run": {"id": TASK, "flow_run_id": RUN},
    "task_run_state": {"id": "5", "task_run_id": "nothing"},
    "log": {"id": "6", "flow_run_id": RUN, "message": f"run {RUN}"},
    "artifact": {"id": "7", "flow_run_id": RUN},
    "events": {
        "id": EVENT,
        "event": "beat",
        "occurred": "2026-01-01",
        "payload": f'{{"id": "{STATE}"}}',
    },
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
    template = Template.of_run(database, RUN)
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


def test_a_copy_has_the_runs_that_the_run_started(database: sqlite3.Connection) -> None:
    child = {"id": CHILD, "parent_task_run_id": TASK, "created": "2026-01-01 10:05:00.000000"}
    insert(database, [("flow_run", child)])
    template = Template.of_run(database, RUN)
    assert template.sizes["flow_run"] == 2
    copies = [row for table, row in template.copies(NOW) if table in ("flow_run", "task_run")]
    run, started, task = copies
    assert started["parent_task_run_id"] == task["id"]
    assert (run["created"], started["created"]) == (
        "2026-03-01 00:00:00.000000",
        "2026-03-01 00:05:00.000000",
    )


def test_an_event_is_repeated_alone(database: sqlite3.Connection) -> None:
    beat = Template.of_event(database, RUN, "beat")
    assert beat.sizes == {"events": 1, "event_resources": 1}
    with pytest.raises(ValueError, match="no event 'silence'"):
        Template.of_event(database, RUN, "silence")


def test_a_day_has_the_runs_of_the_schedules_and_of_its_models() -> None:
    day = Day(NOW, models=3)
    runs = list(day.runs())
    planned = sum(timedelta(days=1) // interval for interval in scheduled().values())
    assert len(runs) == planned + 3 * 3
    assert sum(flow == EVALUATE for flow, _ in runs) == 3
    assert {flow for flow, _ in runs} >= {POLL, EVALUATE}
    assert min(at for _, at in runs) == NOW
    assert len(list(day.heartbeats())) == 3 * 240


def test_a_year_has_all_models_and_ends_now() -> None:
    days = days_before(NOW, 365, models=1000)
    assert sum(day.models for day in days) == 1000
    assert [day.start for day in days[-2:]] == [NOW - timedelta(days=2), NOW - timedelta(days=1)]


def test_the_work_folder_is_largest_before_it_is_cleaned(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "run.log"
    log.parent.mkdir()
    log.write_bytes(bytes(1000))
    settings = Settings.model_validate({"home": tmp_path / "home"})
    work = WorkOfAYear([log], settings)
    for day in days_before(NOW, 70, models=70):
        work.live(day)
    assert work.largest == 37 * 1000  # 30 days stayed a week ago, and 7 came since


def test_logs_keep_to_twice_their_limit(tmp_path: Path) -> None:
    left = tmp_path / "left"
    left.mkdir()
    (left / "worker.log").write_bytes(bytes(100))
    day = Day(NOW, models=0)
    each_day = len(list(day.runs())) * 50
    logs = LogsOfAYear(left, runs=2, folder=tmp_path / "logs", max_bytes=each_day * 3 - 1)
    for _ in range(20):
        logs.live(day)
    assert logs.written == 20 * each_day
    assert logs.largest == 5 * each_day  # 3 days that were moved aside, and 2 in the log


def test_the_page_keeps_to_what_is_promised() -> None:
    promised = sizes_in(PROMISES)
    shown = sizes_in(PAGE)
    assert set(promised) == set(shown) == set(SIZES)
    for name, (largest, limit) in shown.items():
        assert largest <= limit == promised[name][0]
    assert broken_promises({"model cache": 51 * 2**20}) == [
        "model cache: 51.0 MiB, and 50 MiB are promised"
    ]
