"""Prefect's own vacuum on a database, as of a day in the past."""

import asyncio
from datetime import UTC, datetime, timedelta

from prefect.server.database import provide_database_interface
from prefect.server.services import db_vacuum
from prefect.settings import (
    PREFECT_EVENTS_RETENTION_PERIOD,
    PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE,
    PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD,
    temporary_settings,
)

EVENT_DAYS = 7
"""Prefect's default, which evalboard does not change."""
BATCH = 10_000
"""Rows of one transaction. Prefect's 200 delete the same rows more slowly."""
STEPS = (
    db_vacuum.vacuum_orphaned_logs,
    db_vacuum.vacuum_orphaned_artifacts,
    db_vacuum.vacuum_stale_artifact_collections,
    db_vacuum.vacuum_old_flow_runs,
    db_vacuum.vacuum_events_with_retention_overrides,
    db_vacuum.vacuum_old_events,
    db_vacuum.vacuum_orphaned_logs,  # those of the runs that are gone now: the turn an hour later
    db_vacuum.vacuum_orphaned_artifacts,
)
"""What the server does in each hour, with the two steps that follow in the next one."""


def vacuum(day: datetime, *, keep_days: int) -> None:
    """Delete what the server would have deleted by that day.

    The vacuum counts from now. A longer period of retention makes now that day.

    Args:
        day: A time in the past.
        keep_days: Days for which runs are kept.
    """
    since = datetime.now(UTC) - day
    with temporary_settings(
        {
            PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD: since + timedelta(days=keep_days),
            PREFECT_EVENTS_RETENTION_PERIOD: since + timedelta(days=EVENT_DAYS),
            PREFECT_SERVER_SERVICES_DB_VACUUM_BATCH_SIZE: BATCH,
        }
    ):
        asyncio.run(_vacuum())


async def _vacuum() -> None:
    database = provide_database_interface()
    for step in STEPS:
        await step(db=database)
    engine = await database.engine()
    await engine.dispose()
