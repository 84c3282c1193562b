"""Automations of a self-hosted Prefect server. `python -m deployments.automations` creates them.

A run whose process was killed stays Running in Prefect forever. Flow runs send heartbeats
(`PREFECT_FLOWS_HEARTBEAT_FREQUENCY`). A run without heartbeats is marked as crashed, and the next
reconciliation makes its request pending again.
"""

from datetime import timedelta

from prefect import get_client
from prefect.automations import ChangeFlowRunState, EventTrigger
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore, Posture

from deployments import HEARTBEAT_SECONDS

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


def install() -> None:
    """Create the automations that are missing on the server."""
    with get_client(sync_client=True) as client:
        if not client.read_automations_by_name(SILENT_RUNS.name):
            client.create_automation(SILENT_RUNS)


if __name__ == "__main__":
    install()
