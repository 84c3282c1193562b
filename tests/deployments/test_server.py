"""The Prefect server of this project as it is started, and what web pages and runs can do to it."""

import asyncio
import base64
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser, Response, expect
from prefect.automations import ChangeFlowRunState, EventTrigger
from prefect.client.orchestration import PrefectClient, SyncPrefectClient
from prefect.client.schemas.actions import VariableCreate, WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.schemas.automations import AutomationCore, Posture
from prefect.events.schemas.events import Event, Resource
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings.models.api import APISettings
from prefect.settings.models.server.database import ServerDatabaseSettings
from prefect.settings.models.server.services import ServerServicesDBVacuumSettings
from prefect.workers.process import ProcessJobConfiguration
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from evalboard.services import Services
from evalboard.settings import Settings
from evalboard_prefect.deployments import ENVIRONMENT, ENVIRONMENT_VARIABLE, TEMPLATE
from evalboard_prefect.deployments.server import environment_of_server
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from tests.deployments.serving import environment, start
from tests.leaderboard_app.browsing import chromium
from tests.managers import listening

EVIL = "http://evil.example"
PASSWORD = "operator:correct horse"
COMMANDS: list[dict[str, Any]] = [
    {"command": "sh -c 'id > pwned'"},
    {"env": {"PYTHONSTARTUP": "/tmp/x.py"}},
    {"env.LD_PRELOAD": "/tmp/x.so"},
    {"working_dir": "/tmp"},
    {"name": "x", "labels": {"a": "b"}},
    {"stream_output": False},
    {"job_configuration": {"command": "id"}},
    {"prefect.variables.evalboard_environment": {"PYTHONSTARTUP": "/tmp/x.py"}},
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[str]:
    """The address of a server with the flow that evaluates a model, on a pool without a worker."""
    with (
        listening(home) as manager,
        Services(home, environment(home, **manager.environment)) as services,
    ):
        address = start(services)
        assert manager.heard() == ["READY=1"]
        with SyncPrefectClient(f"{address}/api") as api:
            pool = WorkPoolCreate(name="pool", type="process", base_job_template=TEMPLATE)
            api.create_work_pool(pool)
            api.create_variable(VariableCreate(name=ENVIRONMENT_VARIABLE, value={**ENVIRONMENT}))
            api.create_deployment(
                flow_id=api.create_flow(evaluate_model),
                name="evaluate-model",
                work_pool_name="pool",
                parameter_openapi_schema=evaluate_model.parameters.model_dump(),
                enforce_parameter_schema=True,
            )
        yield address


@pytest.fixture(scope="module")
def api(server: str) -> Iterator[SyncPrefectClient]:
    with SyncPrefectClient(f"{server}/api") as client:
        yield client


@pytest.fixture(scope="module")
def deployment_id(api: SyncPrefectClient) -> UUID:
    return api.read_deployment_by_name("evaluate-model/evaluate-model").id


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL, "Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
        {"Origin": EVIL, "Content-Type": "text/plain"},
        {"Origin": "null", "Content-Type": "text/plain"},
        {"Origin": "http://127.0.0.1:7860", "Content-Type": "application/json"},
        {"Host": "evil.example", "Origin": EVIL, "Content-Type": "application/json"},
        {"Host": "evil.example", "Content-Type": "application/json"},
        {"Content-Type": "application/json", "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},  # without a token of CSRF
    ],
    ids=str,
)
def test_no_request_of_a_page_reaches_prefect(
    server: str, deployment_id: UUID, headers: dict[str, str]
) -> None:
    body = json.dumps({"parameters": {"request": {"model": "x/y"}}, **COMMANDS[0]}).encode()
    for path in ("deployments/filter", f"deployments/{deployment_id}/create_flow_run"):
        answer = httpx.post(f"{server}/api/{path}", content=body, headers=headers)
        assert answer.status_code in (403, 415)
        assert "access-control-allow-origin" not in answer.headers
    asked = {"Access-Control-Request-Method": "POST"} | headers
    preflight = httpx.options(f"{server}/api/deployments/filter", headers=asked)
    assert preflight.status_code != 200


@pytest.mark.parametrize("headers", [{"Origin": EVIL}, {"Host": "evil.example:4200"}])
def test_no_page_gets_a_token_or_data(server: str, headers: dict[str, str]) -> None:
    for path in ("/api/csrf-token?client=a", "/api/admin/settings", "/ui-settings", "/"):
        assert httpx.get(server + path, headers=headers).status_code == 403


def handshake(server: str, headers: Mapping[str, str]) -> None:
    address = f"{server.replace('http', 'ws')}/api/events/in"
    # Host is sent twice otherwise.
    with connect(address, additional_headers=headers, subprotocols=None, proxy=None) as socket:
        socket.ping()


def test_a_websocket_of_a_page_is_refused(server: str) -> None:
    for origin in (EVIL, "null", "http://127.0.0.1:7860"):
        with pytest.raises(InvalidStatus, match="403"):
            handshake(server, {"Origin": origin})
    handshake(server, {})
    handshake(server, {"Origin": server})


@pytest.mark.parametrize("variables", COMMANDS, ids=str)
def test_a_run_brings_no_command(
    api: SyncPrefectClient, deployment_id: UUID, variables: dict[str, Any]
) -> None:
    with pytest.raises(PrefectHTTPStatusError, match="422"):
        api.create_flow_run_from_deployment(
            deployment_id, parameters={"request": {"model": "x/y"}}, job_variables=variables
        )


@pytest.mark.parametrize("variables", COMMANDS, ids=str)
def test_a_worker_takes_no_command_from_a_run(server: str, variables: dict[str, Any]) -> None:
    """Also if the server has let it pass: Prefect's own worker fills in the template."""

    async def resolved() -> ProcessJobConfiguration:
        async with PrefectClient(f"{server}/api") as client:
            return await ProcessJobConfiguration.from_template_and_values(
                TEMPLATE, variables, client=client
            )

    assert asyncio.run(resolved()) == ProcessJobConfiguration(env={**ENVIRONMENT})


def wait_for_state(api: SyncPrefectClient, run_id: UUID, wanted: StateType) -> None:
    deadline = time.monotonic() + 120
    while api.read_flow_run(run_id).state_type is not wanted:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_automations_work_behind_the_tokens(
    api: SyncPrefectClient, server: str, deployment_id: UUID
) -> None:
    silent = AutomationCore(
        name="silent",
        trigger=EventTrigger(
            expect={"test.silent"},
            match={"prefect.resource.id": "prefect.flow-run.*"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[ChangeFlowRunState(name=None, state=StateType.CRASHED, message=None, force=False)],
    )
    api.create_automation(silent)
    run = api.create_flow_run_from_deployment(
        deployment_id, parameters={"request": {"model": "x/y"}}
    )
    event = Event(
        event="test.silent",
        resource=Resource({"prefect.resource.id": f"prefect.flow-run.{run.id}"}),
    )
    posted = api.request("POST", "/events", json=[event.model_dump(mode="json")])
    assert posted.status_code == 204
    wait_for_state(api, run.id, StateType.CRASHED)


def test_finished_runs_are_deleted_after_the_days_of_the_setting() -> None:
    settings = Settings.model_validate({"keep_runs_days": 7})
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of_server(settings, 4200).items():
            patch.setenv(name, value)
        vacuum = ServerServicesDBVacuumSettings()
    assert vacuum.enabled_vacuum_types == {"events", "flow_runs"}
    assert vacuum.retention_period == timedelta(days=7)


def test_a_busy_database_is_waited_for_as_long_as_clients_wait_for_the_server() -> None:
    usual = ServerDatabaseSettings()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment_of_server(Settings.model_validate({}), 4200).items():
            patch.setenv(name, value)
        ours = ServerDatabaseSettings()
    waits = APISettings().request_timeout
    assert (usual.connection_timeout or 0) < (ours.connection_timeout or 0) < waits
    assert (usual.timeout or 0) < (ours.timeout or 0) < waits


@pytest.mark.usefixtures("server")
def test_the_password_is_asked_for_and_the_api_alone_has_no_pages(
    tmp_path: Path, home: Path
) -> None:
    with (  # a new database takes many seconds
        closing(sqlite3.connect(home / "prefect.db")) as made,
        closing(sqlite3.connect(tmp_path / "prefect.db")) as copied,
    ):
        made.backup(copied)
    variables = environment(tmp_path, EVALBOARD_SERVER_PASSWORD=PASSWORD)
    with Services(tmp_path, variables) as services:
        address = start(services, "--only-api")
        assert httpx.get(f"{address}/").status_code == 404
        assert httpx.get(f"{address}/api/version", headers={"Origin": EVIL}).status_code == 403
        assert httpx.get(f"{address}/api/version").status_code == 401
        for password, status in ((PASSWORD, 200), ("operator:guess", 401)):
            token = base64.b64encode(password.encode()).decode()
            asked = {"Authorization": f"Basic {token}"}
            assert httpx.get(f"{address}/api/version", headers=asked).status_code == status
        with SyncPrefectClient(f"{address}/api", auth_string=PASSWORD) as api:
            api.create_flow(evaluate_model)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def test_a_run_is_started_in_the_ui(
    server: str, api: SyncPrefectClient, deployment_id: UUID, browser: Browser
) -> None:
    problems: list[str] = []
    with browser.new_page(base_url=server.replace("127.0.0.1", "localhost")) as page:
        page.set_default_timeout(120_000)

        def note(answer: Response) -> None:
            if answer.status >= 400:
                problems.append(f"{answer.status} {answer.url}")

        page.on("response", note)
        page.goto("/deployments")
        page.get_by_role("link", name="evaluate-model").first.wait_for()
        page.goto(f"/deployments/deployment/{deployment_id}/run")
        page.locator("textarea").first.fill("org/from-the-page")
        page.get_by_role("button", name="Submit").click()
        page.wait_for_url(re.compile("tab=Runs"))
        expect(page.get_by_text("evaluate-model").first).to_be_visible()
    assert problems == []
    models = [run.parameters["request"]["model"] for run in api.read_flow_runs()]
    assert "org/from-the-page" in models


PAGE = """<!doctype html><title>waiting</title>
<iframe id=frame src="SERVER/"></iframe>
<form id=form target=frame method=post enctype=text/plain action="SERVER/api/flows/"></form>
<script>
const tries = {
  plain: () => fetch('SERVER/api/deployments/filter', {method: 'POST', body: '{}'}),
  json: () => fetch('SERVER/api/deployments/filter', {method: 'POST', body: '{}',
    headers: {'Content-Type': 'application/json'}}),
  blind: () => fetch('SERVER/api/deployments/filter', {method: 'POST', body: '{}', mode: 'no-cors'})
    .then(answer => { if (answer.type === 'opaque') throw new Error('unreadable'); }),
  token: () => fetch('SERVER/api/csrf-token?client=a'),
  script: () => new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.onload = resolve; script.onerror = reject; script.src = 'SERVER/api/version';
    document.body.append(script); }),
  socket: () => new Promise((resolve, reject) => {
    const socket = new WebSocket('SERVER/api/events/in'.replace('http', 'ws'));
    socket.onopen = resolve; socket.onerror = reject; }),
};
onload = async () => {
  document.getElementById('form').submit();
  const got = [];
  for (const name in tries) await tries[name]().then(() => got.push(name), () => {});
  document.title = 'got:' + got.join(' ');
};
</script>"""


@pytest.mark.parametrize("site", ["http://evil.example", "http://127.0.0.1:7861"])
def test_a_page_of_another_site_gets_nothing(server: str, browser: Browser, site: str) -> None:
    reached: list[str] = []
    with browser.new_page() as page:
        page.route(
            f"{site}/**",
            lambda route: route.fulfill(
                body=PAGE.replace("SERVER", server), content_type="text/html"
            ),
        )

        def note(answer: Response) -> None:
            if answer.url.startswith(server) and answer.status < 400:
                reached.append(answer.url)

        page.on("response", note)
        page.goto(f"{site}/page")
        page.wait_for_function("document.title.startsWith('got:')", timeout=120_000)
        assert page.title() == "got:"
    assert reached == []
