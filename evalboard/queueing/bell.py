"""The bell of the Prefect server: an event for each change of the queue, so that nothing has to look often.

The deployments of the poll and of the reconciliation have triggers for these events
(`deployments/prefect.yaml`). Whoever changes the queue may have no Prefect installed, so the event is
sent over HTTP, as Prefect's own client does.
"""

import logging
import uuid
from datetime import UTC, datetime
from enum import StrEnum

import httpx2

from evalboard.settings import Settings

logger = logging.getLogger(__name__)

RESOURCE = {"prefect.resource.id": "evalboard.queue", "prefect.resource.name": "queue of requests"}
TIMEOUT_SECONDS = 5.0


class Call(StrEnum):
    """The name of an event."""

    WAITING = "evalboard.request.submitted"
    """A request waits, or there is a place for one: a poll is due."""
    LOST = "evalboard.run.lost"
    """The process of a run is gone: a reconciliation is due."""


def ring(settings: Settings, call: Call = Call.WAITING) -> bool:
    """Tell the Prefect server of the settings, if there is one, that something is to be done.

    A server that does not hear it does the same at its next scheduled poll or reconciliation.

    Returns:
        Whether it was told.
    """
    if settings.prefect_api_url is None:
        return False
    try:
        with _client(settings, settings.prefect_api_url) as client:
            client.post("/events", json=[_event(call)], headers=_csrf(client)).raise_for_status()
    except httpx2.HTTPError as exc:
        logger.info("The Prefect server was not told of a change in the queue: %s", exc)
        return False
    return True


def _client(settings: Settings, address: str) -> httpx2.Client:
    password = settings.server_password
    name, _, word = password.get_secret_value().partition(":") if password else ("", "", "")
    return httpx2.Client(
        base_url=address, auth=(name, word) if password else None, timeout=TIMEOUT_SECONDS
    )


def _event(call: Call) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": str(call),
        "resource": RESOURCE,
    }


def _csrf(client: httpx2.Client) -> dict[str, str]:
    """Return the headers by which a server with CSRF protection knows a program."""
    name = str(uuid.uuid4())
    answer = client.get("/csrf-token", params={"client": name})
    if answer.is_error:  # a server without this protection
        return {}
    return {"Prefect-Csrf-Client": name, "Prefect-Csrf-Token": answer.json()["token"]}
