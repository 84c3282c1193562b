"""Artifacts of the current run in the Prefect UI.

They only show what is done: a server that is away, as while it is started again, ends no work.

In synchronous tasks and flows Prefect's own functions open a client on every call and never close
it: the connections stay open until garbage collection.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect import get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.exceptions import PrefectHTTPStatusError
from prefect.runtime import flow_run, task_run

logger = logging.getLogger(__name__)


def create_artifact(kind: str, key: str, data: str | float, description: str) -> UUID | None:
    """Attach an artifact to the run.

    Args:
        kind: Prefect's name of the kind: `markdown`, `progress`.
        key: Name in the UI; lower-case letters, digits and dashes.
        data: Markdown, or a percentage.
        description: One line.

    Returns:
        The artifact's id, for updates. None if the server does not take it now.
    """
    artifact = ArtifactCreate(
        type=kind,
        key=key,
        data=data,
        description=description,
        flow_run_id=_uuid(flow_run.id),
        task_run_id=_uuid(task_run.id),
    )
    with _ending_nothing(), get_client(sync_client=True) as client:
        return client.create_artifact(artifact).id
    return None


def update_artifact(artifact: UUID, data: str | float, description: str) -> None:
    """Replace the data of an artifact."""
    with _ending_nothing(), get_client(sync_client=True) as client:
        client.update_artifact(artifact, ArtifactUpdate(data=data, description=description))


@contextmanager
def _ending_nothing() -> Iterator[None]:
    try:
        yield
    except (httpx.TransportError, PrefectHTTPStatusError) as exc:
        logger.info("An artifact is not shown, because the Prefect server is away: %s", exc)


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
