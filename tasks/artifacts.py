"""Artifacts of the current run in the Prefect UI.

In synchronous tasks and flows Prefect's own functions open a client on every call and never close
it: the connections stay open until garbage collection.
"""

from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.runtime import flow_run, task_run


def create_artifact(kind: str, key: str, data: Any, description: str) -> UUID:
    """Attach an artifact to the run.

    Args:
        kind: Prefect's name of the
        kind: `markdown`, `progress`.
        key: Name in the UI; lower-case letters, digits and dashes.
        data: Markdown, or a percentage.
        description: One line.

    Returns:
        The artifact's id, for updates.
    """
    artifact = ArtifactCreate(
        type=kind,
        key=key,
        data=data,
        description=description,
        flow_run_id=_uuid(flow_run.id),
        task_run_id=_uuid(task_run.id),
    )
    with get_client(sync_client=True) as client:
        return client.create_artifact(artifact).id


def update_artifact(artifact: UUID, data: Any, description: str) -> None:
    """Replace the data of an artifact."""
    with get_client(sync_client=True) as client:
        client.update_artifact(artifact, ArtifactUpdate(data=data, description=description))


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
