"""`infra/compose.yaml`, read as a compose engine reads it. `test_deploying.py` runs its commands."""

import json
import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import check_jsonschema
import httpx
import jsonschema
import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient
from starlette.applications import Starlette

from evalboard.services import Services, listen
from evalboard.settings import Settings
from evalboard_prefect.deployments.guard import Guard
from tests.deployments.composed import FILE, PASSWORDS, SERVICES, command_of, environment_of

SCHEMA = files(check_jsonschema) / "builtin_schemas/vendor/compose-spec.json"
DATABASE = """
import json
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy import make_url
url = make_url(PREFECT_API_DATABASE_CONNECTION_URL.value())
print(json.dumps([url.drivername, url.username, url.password, url.host, url.port, url.database]))
"""


def test_the_server_is_ours_and_knows_the_name_that_workers_call() -> None:
    assert command_of("server") == ["python", "-m", "evalboard_prefect.deployments.server"]
    own = environment_of("server", PASSWORDS)["EVALBOARD_SERVER_ADDRESSES"]
    guard = Guard(Starlette(), Settings.model_validate({"server_addresses": own}).server_origins)
    for client in ("deploy", "worker"):
        url = environment_of(client, PASSWORDS)["PREFECT_API_URL"]
        assert guard.refusal("GET", {"host": urlsplit(url).netloc}) is None


def test_any_password_of_the_database_reaches_it(tmp_path: Path) -> None:
    """Prefect itself builds the address. Some characters would break one that is put together."""
    variables = environment_of("server", PASSWORDS) | {"PREFECT_HOME": str(tmp_path)}
    found = subprocess.run(
        [sys.executable, "-c", DATABASE], env=variables, check=True, capture_output=True, text=True
    )
    expected = ["postgresql+asyncpg", "prefect", PASSWORDS["POSTGRES_PASSWORD"]]
    assert json.loads(found.stdout) == [*expected, "postgres", 5432, "prefect"]


@pytest.mark.parametrize("service", ["server", "viewer", "ray"])
def test_pages_are_open_to_this_machine_only(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


@pytest.mark.parametrize("service", ["server", "deploy", "ray", "worker", "viewer", "backup"])
def test_every_setting_can_be_given_in_one_file(service: str) -> None:
    files: list[dict[str, Any]] = SERVICES[service]["env_file"]
    assert files == [{"path": ".env", "required": False}]


def test_the_viewer_has_no_password_of_others() -> None:
    variables = environment_of("viewer", PASSWORDS)
    assert variables["POSTGRES_PASSWORD"] == variables["EVALBOARD_SERVER_PASSWORD"] == ""


@pytest.mark.parametrize("file", ["compose.yaml", "compose.gpu.yaml"])
def test_files_follow_the_specification_of_compose(file: str) -> None:
    document = yaml.safe_load(FILE.with_name(file).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)


def test_what_lasts_is_watched_and_started_again() -> None:
    for name, service in SERVICES.items():
        if name != "deploy":
            assert service["healthcheck"]["test"], name
            assert service["restart"] == "unless-stopped", name


def test_the_worker_and_rays_head_have_one_token() -> None:
    shared = [environment_of(name, PASSWORDS)["HOME"] for name in ("ray", "worker")]
    volumes = [SERVICES[name]["volumes"] for name in ("ray", "worker")]
    assert shared == ["/data", "/data"]
    assert volumes == [["board:/data"], ["board:/data"]]


def test_the_viewer_can_write_nothing_but_the_stores() -> None:
    viewer = SERVICES["viewer"]
    assert (viewer["read_only"], viewer["tmpfs"]) == (True, ["/tmp"])


def test_workers_start_after_the_flows_are_deployed() -> None:
    waits = SERVICES["worker"]["depends_on"]
    assert waits["deploy"] == {"condition": "service_completed_successfully"}
    assert command_of("deploy") == ["evalboard", "deploy"]


@pytest.mark.slow
def test_the_server_of_compose_works_on_postgresql(postgres: int, tmp_path: Path) -> None:
    listener = listen("127.0.0.1", 0, setting="EVALBOARD_SERVER")
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    database = {
        "PREFECT_SERVER_DATABASE_HOST": "127.0.0.1",
        "PREFECT_SERVER_DATABASE_PORT": str(postgres),
    }
    here = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "PREFECT_HOME": str(tmp_path)}
    path = {"PYTHONPATH": str(Path(__file__).parents[2])}
    variables = environment_of("server", PASSWORDS) | database | here | path
    with Services(tmp_path, variables) as services:
        services.start("server", command_of("server"), listener=listener)
        services.wait_for("server", f"{address}/api/health")
        assert httpx.get(f"{address}/api/version").status_code == 401
        password = PASSWORDS["EVALBOARD_SERVER_PASSWORD"]
        with SyncPrefectClient(f"{address}/api", auth_string=password) as api:
            api.create_flow_from_name("kept")
