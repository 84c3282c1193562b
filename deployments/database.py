"""Prefect's SQLite database, with writers that wait for each other and a server that never waits for itself.

Prefect begins most transactions as readers. Two of them that write at the same time cannot both
become writers: SQLite refuses one at once (`database is locked`), whatever the time limit for locks.
The server then answers 503, drops events of its automations and fills its log with tracebacks.

When an automation is changed, Prefect's server learns of it with its loop stopped, and waits for a lock that a
task of that loop can hold: it then answers nobody ever again
(https://github.com/PrefectHQ/prefect/issues/23055).
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES, provide_database_interface
from prefect.server.events.models import automations
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


def let_the_loop_go_on() -> None:
    """Let Prefect's server in this process learn of a changed automation in a task of its loop."""
    automations.run_coro_as_sync = _start  # pyright: ignore[reportPrivateImportUsage]


_learning: set[asyncio.Task[None]] = set()


def _start(coroutine: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(coroutine)
    _learning.add(task)  # the loop itself does not keep it
    task.add_done_callback(_learning.discard)
