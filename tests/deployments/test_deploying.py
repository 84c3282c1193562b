"""`evalboard deploy` and workers, on a Prefect server of this project."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from prefect.automations import EventTrigger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.filters import EventFilter, EventNameFilter, EventResourceFilter
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from evalboard.errors import ConfigError
from evalboard.process_environment import child_environment
from evalboard.settings import Settings
from evalboard_prefect.deployments import (
    ENVIRONMENT,
    ENVIRONMENT_VARIABLE,
    HEARTBEAT_SECONDS,
    POOL,
    TEMPLATE,
    ownership,
)
from evalboard_prefect.deployments.automations import BEAT, SILENT_RUNS
from evalboard_prefect.deployments.deploying import (
    deploy,
    require_deployed,
)
from tests.deployments.composed import SERVICES, command_of, environment_of
from tests.deployments.serving import wait_for
from tests.deployments.test_prefect_yaml import CONTRACTED
from tests.managers import Manager, listening
from tests.namespaces import in_own_namespace, kill_namespace
from tests.ports import free_ports
from tests.processes import command_line

REPOSITORY = Path(__file__).parent.parent.parent
POLL = "poll-requests/scheduled"
FIVE_MINUTES = 300


def content(api: SyncPrefectClient) -> list[object]:
    """Return what is deployed, without what Prefect itself notes there meanwhile."""
    noted = {"created", "updated", "status", "last_polled"}
    deployments = [api.read_deployment_by_name(name) for name in CONTRACTED.values()]
    automations = api.read_automations_by_name(SILENT_RUNS.name)
    environment = api.read_variable_by_name(ENVIRONMENT_VARIABLE)
    return [
        environment,
        api.read_work_pool(POOL).model_dump(exclude=noted),
        *(one.model_dump(exclude=noted | {"schedules"}) for one in deployments),
        *((schedule.id, schedule.active) for one in deployments for schedule in one.schedules),
        *(one.model_dump() for one in automations),
    ]


def test_another_installation_is_refused_before_anything_is_written(
    deployed: SyncPrefectClient, settings: Settings, tmp_path: Path
) -> None:
    before = content(deployed)
    other = settings.model_copy(update={"home": tmp_path / "other"})
    for refused in (lambda: list(deploy(other)), lambda: require_deployed(other)):
        with pytest.raises(ConfigError, match="belongs to another installation.*PREFECT_API_URL"):
            refused()
    assert content(deployed) == before
    require_deployed(settings)
    list(deploy(other, take_over=True))
    require_deployed(other)
    deployed.delete_variable_by_name(ownership.VARIABLE)
    with pytest.raises(ConfigError, match="Nothing is deployed.*evalboard deploy"):
        require_deployed(settings)


def test_the_hub_is_asked_on_every_day(deployed: SyncPrefectClient) -> None:
    refresh = deployed.read_deployment_by_name("refresh-models/scheduled")
    (schedule,) = refresh.schedules
    assert schedule.active
    assert schedule.schedule == CronSchedule(cron="17 4 * * *", timezone="UTC")
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[refresh.id]))
    planned = wait_for(lambda: deployed.read_flow_runs(deployment_filter=of_it))
    times = [run.expected_start_time for run in planned if run.expected_start_time]
    assert {(time.hour, time.minute) for time in times} == {(4, 17)}


def test_a_worker_with_other_settings_than_the_board_is_told_which(
    deployed: SyncPrefectClient, settings: Settings
) -> None:
    require_deployed(settings)
    for other in (
        settings.model_copy(update={"backend": "hf"}),
        settings.model_copy(update={"suite": "demo"}),
    ):
        with pytest.raises(ConfigError, match="EVALBOARD_(BACKEND is 'hf'|SUITE is 'demo ).* here"):
            require_deployed(other)
    list(deploy(other))
    require_deployed(other)
    list(deploy(settings))


def test_what_is_deployed_stays_as_it_is(deployed: SyncPrefectClient, settings: Settings) -> None:
    before = content(deployed)
    assert list(deploy(settings)) == []
    assert content(deployed) == before


def set_by_a_maintainer(api: SyncPrefectClient) -> tuple[object, ...]:
    pool, poll = api.read_work_pool(POOL), api.read_deployment_by_name(POLL)
    evaluate = api.read_deployment_by_name("evaluate-model/evaluate-model")
    return (
        (pool.concurrency_limit, pool.description, pool.is_paused),
        (poll.id, poll.tags, poll.description, poll.global_concurrency_limit),
        (poll.schedules[0].id, poll.schedules[0].active, poll.schedules[0].schedule),
        evaluate.paused,
    )


def make_old(api: SyncPrefectClient, poll: DeploymentResponse) -> None:
    """Give a server what an earlier version deployed."""
    gone = [{"prefect.deployments.steps.set_working_directory": {"directory": "/no/such/folder"}}]
    api.update_deployment(poll.id, DeploymentUpdate(entrypoint="x.y", pull_steps=gone))
    template = TEMPLATE | {"job_configuration": {"stream_output": True}}
    api.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
    api.delete_variable_by_name(ENVIRONMENT_VARIABLE)


def test_ours_is_updated_and_what_a_maintainer_set_is_kept(
    deployed: SyncPrefectClient, settings: Settings
) -> None:
    poll = deployed.read_deployment_by_name(POLL)
    evaluate = deployed.read_deployment_by_name("evaluate-model/evaluate-model")
    deployed.update_work_pool(POOL, WorkPoolUpdate(concurrency_limit=3, description="ours"))
    deployed.update_deployment(
        poll.id, DeploymentUpdate(tags=["night"], description="paused", concurrency_limit=2)
    )
    deployed.update_deployment_schedule(poll.id, poll.schedules[0].id, active=False)
    deployed.pause_deployment(evaluate.id)
    make_old(deployed, poll)
    chosen = set_by_a_maintainer(deployed)
    list(deploy(settings))
    assert set_by_a_maintainer(deployed) == chosen
    pool, updated = deployed.read_work_pool(POOL), deployed.read_deployment_by_name(POLL)
    assert pool.base_job_template == TEMPLATE
    environment = deployed.read_variable_by_name(ENVIRONMENT_VARIABLE)
    assert environment is not None
    assert environment.value == ENVIRONMENT
    assert (updated.entrypoint, updated.pull_steps) == (poll.entrypoint, [])


def test_a_changed_threshold_reaches_an_old_server_and_off_stays_off(
    deployed: SyncPrefectClient, settings: Settings
) -> None:
    (now,) = deployed.read_automations_by_name(SILENT_RUNS.name)
    trigger = SILENT_RUNS.trigger.model_copy(update={"within": timedelta(seconds=10)})
    old = SILENT_RUNS.model_copy(update={"trigger": trigger, "enabled": False})
    deployed.update_automation(now.id, old)
    list(deploy(settings))
    (updated,) = deployed.read_automations_by_name(SILENT_RUNS.name)
    assert updated.id == now.id
    assert isinstance(updated.trigger, EventTrigger)
    assert isinstance(SILENT_RUNS.trigger, EventTrigger)
    assert updated.trigger.within == SILENT_RUNS.trigger.within
    assert not updated.enabled


def test_of_two_automations_one_stays_and_off_stays_off(
    deployed: SyncPrefectClient, settings: Settings
) -> None:
    """Prefect's client creates a second one when the answer to the first call is lost."""
    name = SILENT_RUNS.name
    for one in deployed.read_automations_by_name(name):
        deployed.delete_automation(one.id)
    made = [deployed.create_automation(SILENT_RUNS) for _ in range(3)]
    deployed.pause_automation(made[2])
    assert list(deploy(settings)) != []
    assert list(deploy(settings)) == []
    (left,) = deployed.read_automations_by_name(name)
    assert (left.id, left.enabled) == (min(made), False)
    deployed.resume_automation(left.id)


@pytest.mark.slow
def test_plain_prefect_deploys_the_same(
    deployed: SyncPrefectClient, settings: Settings, server: str
) -> None:
    """Prefect's own tags and descriptions are those of the file. Paused schedules stay paused."""
    poll = deployed.read_deployment_by_name(POLL)
    deployed.update_deployment_schedule(poll.id, poll.schedules[0].id, active=False)
    make_old(deployed, poll)
    for one in deployed.read_automations_by_name(SILENT_RUNS.name):
        deployed.delete_automation(one.id)
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    variables = child_environment(settings, PREFECT_API_URL=server)
    subprocess.run(command, cwd=REPOSITORY, env=variables, check=True, capture_output=True)
    assert deployed.read_work_pool(POOL).base_job_template == TEMPLATE
    assert len(deployed.read_automations_by_name(SILENT_RUNS.name)) == 1
    by_prefect = deployed.read_deployment_by_name(POLL)
    assert (by_prefect.entrypoint, by_prefect.pull_steps) == (poll.entrypoint, [{}])
    assert not by_prefect.schedules[0].active


@pytest.fixture
def work(settings: Settings, server: str, tmp_path: Path) -> Callable[..., None]:
    """Return a function that lets a worker on another machine do what is due."""

    def run(**variables: str) -> None:
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--run-once"]
        known = {**os.environ, "PREFECT_API_URL": server, "PREFECT_HOME": str(tmp_path)}
        path = {"PYTHONPATH": str(REPOSITORY), "EVALBOARD_HOME": str(settings.home)}
        # Prefect's worker may fail at its own end where it had two runs: the runs' states count.
        subprocess.run(command, cwd=tmp_path, env=known | path | variables, check=False)

    return run


def deploy_test_flow(api: SyncPrefectClient, name: str) -> None:
    """Deploy a flow of the module `recording` to the pool."""
    api.create_deployment(
        flow_id=api.create_flow_from_name(name),
        name=name,
        entrypoint=f"tests.deployments.recording.{name}",
        work_pool_name=POOL,
        pull_steps=[],
    )


def start_run(api: SyncPrefectClient, name: str, **parameters: Any) -> UUID:
    deployment = api.read_deployment_by_name(name)
    return api.create_flow_run_from_deployment(deployment.id, parameters=parameters).id


def end_of(api: SyncPrefectClient, run_id: UUID) -> State[Any]:
    state = api.read_flow_run(run_id).state
    assert state is not None
    return state


def test_a_worker_without_the_deployers_folder_works_with_the_heartbeat_of_the_pool(
    deployed: SyncPrefectClient,
    settings: Settings,
    server: str,
    work: Callable[..., None],
    tmp_path: Path,
) -> None:
    """The flow's own process says what it has, and our flows run."""
    gone = tmp_path / "gone"
    gone.mkdir()
    command = [sys.executable, "-m", "evalboard", "deploy"]
    subprocess.run(command, cwd=gone, env=child_environment(settings), check=True)
    gone.rmdir()
    deploy_test_flow(deployed, "record")
    seen = tmp_path / "seen.json"
    recorded = start_run(deployed, "record/record", file=str(seen))
    built = start_run(deployed, "build-board/build-board")
    work()
    assert end_of(deployed, recorded).is_completed()
    assert end_of(deployed, built).is_completed(), end_of(deployed, built).message
    flow = json.loads(seen.read_text(encoding="utf-8"))
    assert isinstance(SILENT_RUNS.trigger, EventTrigger)
    assert timedelta(seconds=2 * flow["heartbeat"]) < SILENT_RUNS.trigger.within
    assert not {tmp_path, REPOSITORY} & {Path(flow["folder"]), *Path(flow["folder"]).parents}
    assert (settings.home / "board" / "queue.json").exists()


@pytest.mark.slow
def test_a_run_of_a_worker_does_not_write_to_its_temporary_folder(
    deployed: SyncPrefectClient, work: Callable[..., None]
) -> None:
    built = start_run(deployed, "build-board/build-board")
    work(EVALBOARD_HOME="evalboard-data")
    state = end_of(deployed, built)
    assert state.is_failed()
    assert "EVALBOARD_HOME" in (state.message or "")


@pytest.fixture
def composed(server: str, settings: Settings, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Return a function with the environment of a container, on this machine."""
    programs = f"{Path(sys.executable).parent}:{os.defpath}"
    home = {"EVALBOARD_HOME": str(settings.home), "HOME": str(tmp_path), "PATH": programs}

    def variables(service: str) -> dict[str, str]:
        given = environment_of(service, {"EVALBOARD_SUITE": "demo"}) | home
        return given | {"PREFECT_API_URL": server, "PYTHONPATH": str(REPOSITORY)}

    return variables


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with listening(tmp_path) as manager:
        yield manager


@pytest.fixture
def ray_address(
    composed: Callable[[str], dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of Ray's head, started as compose does, in a namespace and a folder of its own."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = [part.replace("6379", address.rpartition(":")[2]) for part in command_of("ray")]
    head = subprocess.Popen(
        [*in_own_namespace(), *command],
        cwd=tmp_path_factory.mktemp("ray"),  # it starts programs after it answers
        env=composed("ray"),
        stdout=subprocess.DEVNULL,
    )
    check = [*SERVICES["ray"]["healthcheck"]["test"][1:-1], address]
    while subprocess.run(check, env=composed("ray"), capture_output=True).returncode:
        assert head.poll() is None
    yield address
    kill_namespace(head.pid)
    head.wait()


@pytest.mark.slow
def test_the_commands_of_compose_deploy_and_work_without_a_server_of_their_own(
    api: SyncPrefectClient,
    composed: Callable[[str], dict[str, str]],
    manager: Manager,
    ray_address: str,
    tmp_path: Path,
) -> None:
    """`evalboard deploy` and `evalboard worker`, with Ray, in a folder of another project."""
    for name in ("deployments", "flows", "prefect", "ray", "tasks"):
        (tmp_path / f"{name}.py").write_text("raise ImportError", encoding="utf-8")
    subprocess.run(command_of("deploy"), cwd=tmp_path, env=composed("deploy"), check=True)
    built = start_run(api, "build-board/build-board")
    (port,) = free_ports(1)
    given = {"RAY_ADDRESS": ray_address, "EVALBOARD_WORKER_HEALTH_PORT": str(port)}
    worker = subprocess.Popen(
        [*in_own_namespace(), *command_of("worker")],
        cwd=tmp_path,
        env=composed("worker") | given | manager.environment,
    )
    try:
        while not end_of(api, built).is_final():
            assert worker.poll() is None
            time.sleep(0.2)
        state = end_of(api, built)
        assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
        programs = psutil.Process(worker.pid).children(recursive=True)
        commands = [command_line(program) for program in programs]
    finally:
        psutil.Process(worker.pid).children()[0].terminate()
        assert worker.wait() == 0
    assert state.is_completed(), state.message
    assert manager.heard() == ["READY=1"]
    assert [one for one in commands if "worker start" in one]
    assert not [one for one in commands if "viewer" in one or "deployments.server" in one]
    assert psutil.wait_procs(programs, timeout=60)[1] == []


class Other(BaseHTTPRequestHandler):
    """A program that is no Prefect server, and answers everything."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>")


@pytest.fixture
def other() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as program:
        Thread(target=program.serve_forever).start()
        yield f"http://127.0.0.1:{program.server_port}/api"
        program.shutdown()


def test_a_program_that_is_no_prefect_server_is_recognised(
    other: str, settings: Settings, tmp_path: Path
) -> None:
    with (
        temporary_settings({PREFECT_API_URL: other, PREFECT_HOME: tmp_path}),
        pytest.raises(
            ConfigError, match=f"No Prefect server answers at '{other}'.*PREFECT_API_URL"
        ),
    ):
        list(deploy(settings.model_copy(update={"prefect_api_url": other})))


@pytest.mark.slow
def test_a_healthy_run_of_five_minutes_beats_and_is_never_called_crashed(
    deployed: SyncPrefectClient, work: Callable[..., None]
) -> None:
    """The automation is in force: three beats that are missed end a run.

    It is the last test: ten scheduled runs are late after it, and a worker begins with them.
    """
    deploy_test_flow(deployed, "rest")
    run = start_run(deployed, "rest/rest", seconds=FIVE_MINUTES)
    work()
    assert end_of(deployed, run).is_completed(), end_of(deployed, run)
    states = [state.type for state in deployed.read_flow_run_states(run)]
    assert StateType.CRASHED not in states
    (automation,) = deployed.read_automations_by_name(SILENT_RUNS.name)
    assert automation.enabled
    beats = EventFilter(
        event=EventNameFilter(name=[BEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run}"]),
    )
    assert deployed.read_events(beats, limit=50).total >= FIVE_MINUTES // HEARTBEAT_SECONDS - 2
