"""Prefect's SQLite database, with writers that wait for each other.

Prefect begins most transactions as readers. Two of them that write at the same time cannot both
become writers: SQLite refuses one at once (`database is locked`), whatever the time limit for locks.
The server then answers 503, drops events of its automations and fills its log with tracebacks.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES, provide_database_interface
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class PatientSqlite(AioSqliteConfiguration):
    """Begins every transaction as a writer, which waits until the writer before it is done."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction]:
        """Begin a transaction; see Prefect."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            yield transaction


def let_writers_wait() -> None:
    """Use `PatientSqlite` in this process, if its database is SQLite. Call it before the server."""
    theirs = provide_database_interface().database_config
    if isinstance(theirs, AioSqliteConfiguration):
        MODELS_DEPENDENCIES["database_config"] = PatientSqlite(theirs.connection_url)
