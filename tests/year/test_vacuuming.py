"""Prefect's vacuum with the settings of evalboard's server, on Prefect's own tables."""

import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.context import SettingsContext, get_settings_context
from prefect.server.database.orm_models import Base
from prefect.settings.models.root import Settings as PrefectSettings
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateTable

from evalboard.settings import Settings
from evalboard_prefect.deployments.server import environment_of_server
from tests.year.cloning import Row, insert
from tests.year.vacuuming import vacuum

AGES = (1, 6, 8, 29, 31)
"""Days."""
JSON = ("resource", "related_resource_ids", "related", "payload")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A database with a finished run and an event of each age, with the server's settings in force."""
    file = tmp_path / "prefect.db"
    settings = Settings.model_validate({"home": tmp_path, "keep_runs_days": 30})
    for name, value in environment_of_server(settings, 4200).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", f"sqlite+aiosqlite:///{file}")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:  # without the indexes, two of which have one name
        for table in Base.metadata.sorted_tables:
            connection.execute(CreateTable(table))
    engine.dispose()
    profile = get_settings_context().profile
    with SettingsContext(profile=profile, settings=PrefectSettings()):
        yield file


def _rows(now: datetime, age: int) -> Iterator[tuple[str, Row]]:
    run, event = str(uuid.uuid4()), str(uuid.uuid4())
    at = str((now - timedelta(days=age)).replace(tzinfo=None))
    row = {"id": run, "name": str(age), "flow_id": run, "state_type": "COMPLETED", "end_time": at}
    yield "flow_run", row
    yield (
        "log",
        {
            "id": event,
            "flow_run_id": run,
            "message": str(age),
            "name": "",
            "level": 20,
            "timestamp": at,
        },
    )
    row = {"id": event, "event": str(age), "occurred": at, "resource_id": ""}
    yield "events", row | dict.fromkeys(JSON, "[]") | {"received": at, "recorded": at}
    row = {"id": event, "event_id": event, "occurred": at, "resource_id": str(age)}
    yield "event_resources", row | {"resource_role": "", "resource": "{}"}


def _ages(file: Path, table: str, column: str) -> list[int]:
    with closing(sqlite3.connect(file)) as database:
        return sorted(int(age) for (age,) in database.execute(f"SELECT {column} FROM {table}"))


@pytest.mark.parametrize("days_ago", [0, 200])
def test_what_is_older_than_its_period_is_deleted_as_of_a_day(file: Path, days_ago: int) -> None:
    day = datetime.now(UTC) - timedelta(days=days_ago)
    with closing(sqlite3.connect(file)) as database, database:
        insert(database, [row for age in AGES for row in _rows(day, age)])
    vacuum(day)
    assert _ages(file, "flow_run", "name") == [1, 6, 8, 29]
    assert _ages(file, "log", "message") == [1, 6, 8, 29]
    assert _ages(file, "events", "event") == [1, 6]
    assert _ages(file, "event_resources", "resource_id") == [1, 6]
