"""Automations of a self-hosted Prefect server.

A run whose process was killed stays Running in Prefect forever. Flow runs send heartbeats, as the
environment that the work pool gives them says. A run without heartbeats is marked as crashed, and
the next reconciliation makes its request pending again.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from uuid import UUID

from httpx import codes
from prefect.automations import ChangeFlowRunState, EventTrigger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.exceptions import PrefectHTTPStatusError

from evalboard_prefect.deployments import HEARTBEAT_SECONDS

BEAT = "prefect.flow-run.heartbeat"
ENDS = tuple(f"prefect.flow-run.{name}" for name in ("Completed", "Failed", "Cancelled", "Crashed"))

SAY_CRASHED = ChangeFlowRunState(
    name=None,
    state=StateType.CRASHED,
    message="The run stopped sending heartbeats.",
    force=False,
)
SILENT_RUNS = AutomationCore(
    name="evalboard: runs without heartbeats",
    description="Mark a flow run as crashed after it misses three heartbeats.",
    trigger=EventTrigger(
        after={BEAT},
        expect={BEAT, *ENDS},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=3 * HEARTBEAT_SECONDS),
    ),
    actions=[SAY_CRASHED],
)
AUTOMATIONS = (SILENT_RUNS,)


def put(client: SyncPrefectClient, automations: Iterable[AutomationCore]) -> Iterator[str]:
    """Create the automations that are missing, and update the others. Yield what was done.

    A maintainer can switch an automation off. It stays off. Of two with the same name, every caller
    keeps the same one. Prefect allows two, and its client makes two when the answer to the first
    call is lost, or two machines deploy at once.
    """
    for wanted in automations:
        found = client.read_automations_by_name(wanted.name)
        if not found:
            client.create_automation(wanted)
            yield f"Automation {wanted.name!r} created."
            found = client.read_automations_by_name(wanted.name)
        first, *others = sorted(found, key=lambda one: one.id)
        for other in others:
            delete(client, other.id)
            yield f"A second automation {wanted.name!r} deleted."
        is_on = all(one.enabled for one in (first, *others))
        update = wanted.model_copy(update={"enabled": is_on, "tags": first.tags})
        if (content := _content(update)) != _content(first):
            client.update_automation(first.id, AutomationCore.model_validate(content))
            yield f"Automation {wanted.name!r} updated."


def delete(client: SyncPrefectClient, automation_id: UUID) -> None:
    """Delete an automation. One that is gone, as after a call whose answer was lost, is no error."""
    try:
        client.delete_automation(automation_id)
    except PrefectHTTPStatusError as exc:
        if exc.response.status_code != codes.NOT_FOUND:
            raise


def _content(automation: AutomationCore) -> dict[str, object]:
    """Return what can be changed of an automation: all but the deployment that owns it."""
    # Not as JSON: there, the events to expect are a list, in whatever order a set has.
    return automation.model_dump(include=set(AutomationCore.model_fields) - {"owner_resource"})
