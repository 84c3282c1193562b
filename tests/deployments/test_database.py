"""Programs that use Prefect's database at the same time."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession

from evalboard_prefect.deployments.database import PatientSqlite

REPOSITORY = Path(__file__).parents[2]
WRITERS = 8
SECONDS = 300
"""Longer than a busy machine takes to import Prefect's server and to make its tables."""
# What Prefect's server does when an automation is created while another task of it reads them all.
CREATING = """
import asyncio

from prefect.server.database import provide_database_interface
from prefect.server.events import triggers
from prefect.server.events.models import automations
from prefect.server.events.schemas.automations import Automation

from evalboard_prefect.deployments.automations import SILENT_RUNS
from evalboard_prefect.deployments.database import let_the_loop_go_on, let_writers_wait


async def create_while_others_read():
    await provide_database_interface().create_db()
    async with triggers._automations_lock():
        creating = asyncio.create_task(create())
        await asyncio.sleep(1)
    created = await creating
    while created.id not in triggers.automations_by_id:
        await asyncio.sleep(0.05)


async def create():
    automation = Automation.model_validate(SILENT_RUNS.model_dump(mode="json"))
    async with automations.automations_session(begin_transaction=True) as session:
        return await automations.create_automation(session, automation)


let_writers_wait()
let_the_loop_go_on()
asyncio.run(create_while_others_read())
"""


def test_writers_that_read_first_wait_for_each_other(tmp_path: Path) -> None:
    asyncio.run(write_at_once(tmp_path / "prefect.db"))


async def write_at_once(file: Path) -> None:
    database = PatientSqlite(f"sqlite+aiosqlite:///{file}")
    engine = await database.engine()

    async def execute(session: AsyncSession, statement: str) -> int:
        result = await session.execute(sqlalchemy.text(statement))
        return result.scalar_one() if statement.startswith("SELECT") else 0

    async def add_one() -> None:
        async with (
            await database.session(engine) as session,
            database.begin_transaction(session),
        ):
            known = await execute(session, "SELECT count(*) FROM numbers")
            await execute(session, f"INSERT INTO numbers VALUES ({known})")

    async with await database.session(engine) as session, database.begin_transaction(session):
        await execute(session, "CREATE TABLE numbers (number INTEGER UNIQUE)")
    await asyncio.gather(*(add_one() for _ in range(WRITERS)))
    async with await database.session(engine) as session, database.begin_transaction(session):
        assert await execute(session, "SELECT count(*) FROM numbers") == WRITERS


@pytest.mark.slow
def test_a_server_learns_of_an_automation_while_another_task_reads_them(tmp_path: Path) -> None:
    """Prefect alone waits for itself, and never answers again."""
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", CREATING]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True, timeout=SECONDS)
