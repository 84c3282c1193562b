"""Notifications on failures, on silence and on every so many models, through blocks of Prefect.

A block of any kind that can notify (Slack, mail, a webhook, …) is used if its name is `BLOCK`. Without
one there are no such automations.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from prefect.automations import EventTrigger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.events.schemas.events import ResourceSpecification

from evalboard.settings import Settings
from evalboard_prefect.deployments import automations

BLOCK = "evalboard-alerts"
"""Name of the blocks that send notifications."""
FAILURE, SILENCE, MODELS = (
    f"evalboard: notify of {what}" for what in ("failures", "silence", "finished models")
)
LINK = "{{ flow_run|ui_url }}"


def put(client: SyncPrefectClient, settings: Settings) -> Iterator[str]:
    """Create or update the automations that notify, or delete them if there is no block.

    Yield what was done.
    """
    blocks = [block for block in _all_blocks(client) if block.name == BLOCK]
    if blocks:
        yield from automations.put(client, alerts(blocks, settings))
        return
    for name in (FAILURE, SILENCE, MODELS):
        for found in client.read_automations_by_name(name):
            automations.delete(client, found.id)
            yield f"Automation {name!r} deleted, because there is no block {BLOCK!r}."


def alerts(blocks: Sequence[BlockDocument], settings: Settings) -> list[AutomationCore]:
    """Return the automations that notify through blocks."""
    number, minutes = settings.alert_models, settings.silence_minutes

    def automation(
        name: str, description: str, trigger: EventTrigger, subject: str, body: str
    ) -> AutomationCore:
        actions = [
            SendNotification(block_document_id=block.id, subject=subject, body=body)
            for block in blocks
        ]
        return AutomationCore(
            name=name, description=description, trigger=trigger, actions=list(actions)
        )

    return [
        automation(
            FAILURE,
            "A run of the queue or an evaluation failed or crashed.",
            _trigger({"Failed", "Crashed"}, ("evaluate-model", "poll-requests", "reconcile")),
            "evalboard: {{ flow.name }} of {{ flow_run.name }} {{ flow_run.state.name }}",
            f"{{{{ flow_run.state.message }}}}\n{LINK}",
        ),
        automation(
            SILENCE,
            f"No poll has completed for {minutes} minutes.",
            _trigger(
                {"Completed"},
                ("poll-requests",),
                posture=Posture.Proactive,
                within=timedelta(minutes=minutes),
            ),
            "evalboard: nobody polls the queue",
            f"No poll has completed for {minutes} minutes. Look for the worker, and for paused "
            "schedules.",
        ),
        automation(
            MODELS,
            f"{number} more evaluations have completed.",
            _trigger({"Completed"}, ("evaluate-model",), threshold=number),
            f"evalboard: {number} more models are done",
            f"The last one: {{{{ flow_run.name }}}}. {{{{ flow_run.state.message }}}}\n{LINK}",
        ),
    ]


def _trigger(
    states: set[str],
    flows: Sequence[str],
    *,
    posture: Posture = Posture.Reactive,
    threshold: int = 1,
    within: timedelta = timedelta(0),
) -> EventTrigger:
    """Return a trigger for runs of flows that come to one of some states."""
    return EventTrigger(
        expect={f"prefect.flow-run.{state}" for state in states},
        match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
        match_related=ResourceSpecification(
            {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}
        ),
        posture=posture,  # pyright: ignore[reportArgumentType] - two of the three members
        threshold=threshold,
        within=within,
    )


def _all_blocks(client: SyncPrefectClient) -> list[BlockDocument]:
    found: list[BlockDocument] = []
    while page := client.read_block_documents(offset=len(found), include_secrets=False):
        found += page
    return found
