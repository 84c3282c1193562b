"""Prefect's own vacuum on a database, as of a day in the past, with the settings of evalboard's server."""

import asyncio
from datetime import UTC, datetime

from prefect.server.database import provide_database_interface
from prefect.server.database.dependencies import temporary_database_config
from prefect.server.services import db_vacuum
from prefect.settings import get_current_settings, temporary_settings

BATCH = 10_000
"""Rows of one transaction. Prefect's 200 delete the same rows more slowly."""
STEPS = {
    "flow_runs": (
        db_vacuum.vacuum_old_flow_runs,
        db_vacuum.vacuum_orphaned_logs,
        db_vacuum.vacuum_orphaned_artifacts,
        db_vacuum.vacuum_stale_artifact_collections,
    ),
    "events": (db_vacuum.vacuum_events_with_retention_overrides, db_vacuum.vacuum_old_events),
}
"""What the server does in each hour, by the kind that enables it, in the order that one turn suffices."""


def vacuum(day: datetime) -> None:
    """Delete what the server would have deleted by that day, by the settings in force.

    The vacuum counts from now. Longer periods of retention make now that day.

    Args:
        day: A time in the past.
    """
    since = datetime.now(UTC) - day
    server = get_current_settings().server
    service = server.services.db_vacuum
    overrides = service.event_retention_overrides.items()
    with (
        temporary_database_config(None),
        temporary_settings(
            {
                "server.events.retention_period": server.events.retention_period + since,
                "server.services.db_vacuum.retention_period": service.retention_period + since,
                "server.services.db_vacuum.event_retention_overrides": {
                    kind: period + since for kind, period in overrides
                },
                "server.services.db_vacuum.batch_size": BATCH,
            }
        ),
    ):
        asyncio.run(_vacuum(service.enabled_vacuum_types))


async def _vacuum(kinds: set[str]) -> None:
    database = provide_database_interface()
    for kind, steps in STEPS.items():
        for step in steps if kind in kinds else ():
            await step(db=database)
    engine = await database.engine()
    await engine.dispose()
