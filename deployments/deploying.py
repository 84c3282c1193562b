"""Create on a Prefect server what is missing, and update what is ours. `evalboard deploy`.

Ours are the job template of the work pool with the environment of its runs, the trigger and the
actions of automations, and of each deployment the entrypoint, the form, the version, the pull steps and
the work queue. Everything else is set once, when it is created, and belongs to the maintainers from then on:
limits, schedules, tags, descriptions.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any
from uuid import UUID

import httpx
import yaml
from prefect import Flow, get_client
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    VariableCreate,
    VariableUpdate,
    WorkPoolCreate,
    WorkPoolUpdate,
)
from prefect.client.schemas.objects import ConcurrencyOptions
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events import DeploymentEventTrigger
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from evalboard import __version__
from evalboard.errors import ConfigError
from evalboard.settings import Settings, load_settings
from evalboard.suites.agreement import board_settings
from evalboard_prefect.deployments import (
    ENVIRONMENT,
    ENVIRONMENT_VARIABLE,
    FOLDER,
    POOL,
    TEMPLATE,
    alerts,
    automations,
    ownership,
)
from evalboard_prefect.tasks.settings import BOARD_VARIABLE, require_board_settings

logger = logging.getLogger(__name__)

POOL_TYPE = "process"


def deploy(settings: Settings, *, take_over: bool = False) -> Iterator[str]:
    """Deploy the flows to the server of Prefect's settings. Yield what was changed.

    Args:
        settings: The signing key, and the server's address for messages.
        take_over: Whether to take the server over from another installation.

    Raises:
        ConfigError: No Prefect server answers there, or it is another installation's. Nothing has
            been written then.
    """
    with connected(settings) as client:
        yield from _prepare(client, settings, take_over=take_over)
        for declared in declared_deployments():
            yield from _deploy(client, declared)


def prepare() -> None:
    """Do what `prefect deploy` leaves out. It is a build step of the first deployment."""
    settings = load_settings()
    with connected(settings) as client:
        for done in _prepare(client, settings):
            logger.info(done)


def require_deployed(settings: Settings) -> None:
    """Make sure that a worker finds its pool, and that the pool is this installation's.

    Raises:
        ConfigError: It is not, or no Prefect server answers; or the board has other settings.
    """
    with connected(settings) as client:
        if not ownership.require_own(client, settings):
            raise ConfigError(
                f"Nothing is deployed to the Prefect server {settings.prefect_api_url!r}. Run "
                "`evalboard deploy` first."
            )
    require_board_settings(settings)


@contextmanager
def connected(settings: Settings) -> Iterator[SyncPrefectClient]:
    """Open a client of the server, and make sure that it is one of Prefect.

    Raises:
        ConfigError: No Prefect server answers, or it refuses a call within the context.
    """
    address = settings.prefect_api_url
    try:
        with get_client(sync_client=True) as client:
            _recognise(client, address)
            yield client
    except httpx.HTTPError as exc:
        raise ConfigError(f"Prefect server {address!r} failed: {exc}") from exc


def _recognise(client: SyncPrefectClient, address: str | None) -> None:
    try:
        client.api_version()
    except (httpx.HTTPError, ValueError) as exc:
        raise ConfigError(
            f"No Prefect server answers at {address!r} ({exc}). Start it, or correct "
            "PREFECT_API_URL (it ends in /api) or EVALBOARD_SERVER_PASSWORD."
        ) from exc


def declared_deployments() -> list[dict[str, Any]]:
    """Return the deployments of `prefect.yaml`."""
    text = (FOLDER / "prefect.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["deployments"]


def _prepare(
    client: SyncPrefectClient, settings: Settings, *, take_over: bool = False
) -> Iterator[str]:
    ownership.take(client, settings, over=take_over)
    yield from _set(client, ENVIRONMENT_VARIABLE, ENVIRONMENT, "Environment of the runs")
    yield from _set(client, BOARD_VARIABLE, board_settings(settings), "Settings of the board")
    yield from _set_up_pool(client)
    yield from automations.put(client, automations.AUTOMATIONS)
    yield from alerts.put(client, settings)


def _set(client: SyncPrefectClient, name: str, value: dict[str, str], what: str) -> Iterator[str]:
    """Give a variable of Prefect a value."""
    noted = client.read_variable_by_name(name)
    if noted is None:
        client.create_variable(VariableCreate(name=name, value=value))
    elif noted.value != value:
        client.update_variable(VariableUpdate(name=name, value=value))
    else:
        return
    yield f"{what} set."


def _set_up_pool(client: SyncPrefectClient) -> Iterator[str]:
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type=POOL_TYPE, base_job_template=TEMPLATE)
        )
        yield f"Work pool {POOL!r} created."
        return
    if pool.type != POOL_TYPE:
        yield f"Work pool {POOL!r} is of type {pool.type!r}: its job template is left as it is."
    elif pool.base_job_template != TEMPLATE:
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=TEMPLATE))
        yield f"Job template of work pool {POOL!r} updated."


def _deploy(client: SyncPrefectClient, declared: dict[str, Any]) -> Iterator[str]:
    # Prefect's own loader prefers modules of the working directory.
    flow: Flow[Any, Any] = resolve_name(declared["entrypoint"])
    name = f"{flow.name}/{declared['name']}"
    ours = {
        "version": __version__,
        "entrypoint": declared["entrypoint"],
        "parameter_openapi_schema": flow.parameters.model_dump(mode="json", exclude_unset=True),
        "enforce_parameter_schema": True,
        "pull_steps": [],
    }
    try:
        found = client.read_deployment_by_name(name)
    except ObjectNotFound:
        deployment_id = _create(client, declared, flow, ours)
        yield f"Deployment {name!r} created."
    else:
        deployment_id = found.id
        if found.work_pool_name == POOL and (queue := declared["work_pool"].get("work_queue_name")):
            ours["work_queue_name"] = queue
        if changes := {key: value for key, value in ours.items() if _differs(found, key, value)}:
            client.update_deployment(found.id, DeploymentUpdate.model_validate(changes))
            yield f"Deployment {name!r} updated: {', '.join(changes)}."
    yield from automations.put(client, _triggers(declared, deployment_id))


def _triggers(declared: dict[str, Any], deployment_id: UUID) -> Iterator[AutomationCore]:
    """Yield the automations that start runs of a deployment."""
    for described in declared.get("triggers", []):
        trigger = DeploymentEventTrigger.model_validate(described)
        trigger.set_deployment_id(deployment_id)
        yield trigger.as_automation()


def _create(
    client: SyncPrefectClient, declared: dict[str, Any], flow: Flow[Any, Any], ours: dict[str, Any]
) -> UUID:
    limit = declared.get("concurrency_limit", {})
    return client.create_deployment(
        flow_id=client.create_flow_from_name(flow.name),
        name=declared["name"],
        description=declared["description"],
        tags=declared.get("tags"),
        work_pool_name=declared["work_pool"]["name"],
        work_queue_name=declared["work_pool"].get("work_queue_name"),
        schedules=[
            DeploymentScheduleCreate(schedule=_schedule(schedule), slug=schedule["slug"])
            for schedule in declared.get("schedules", [])
        ],
        concurrency_limit=limit.get("limit"),
        concurrency_options=(
            ConcurrencyOptions(collision_strategy=limit["collision_strategy"]) if limit else None
        ),
        **ours,
    )


def _schedule(declared: dict[str, Any]) -> CronSchedule | IntervalSchedule:
    if "cron" in declared:
        return CronSchedule(cron=declared["cron"], timezone=declared["timezone"])
    return IntervalSchedule(interval=declared["interval"])


def _differs(found: DeploymentResponse, key: str, value: object) -> bool:
    return (getattr(found, key) or None) != (value or None)
