"""Writers of Prefect's database at the same time."""

import asyncio
from pathlib import Path

import sqlalchemy
from sqlalchemy.ext.asyncio import AsyncSession

from evalboard_prefect.deployments.database import PatientSqlite

WRITERS = 8


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
