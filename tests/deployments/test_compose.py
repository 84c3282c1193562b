"""`infra/compose.yaml`, read as a compose engine reads it. `test_deploying.py` runs its commands."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from glob import glob
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from starlette.applications import Starlette

from evalboard.services import Services, listen
from evalboard.settings import Settings
from evalboard_prefect.deployments.guard import Guard
from tests.deployments.composed import SERVICES, command_of, environment_of

PASSWORDS = {
    "POSTGRES_PASSWORD": "a@b/c#d:e%f g$",
    "EVALBOARD_SERVER_PASSWORD": "operator:correct horse",
    "HF_TOKEN": "hf_token",
}
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


@pytest.mark.parametrize("service", ["server", "viewer"])
def test_pages_are_open_to_this_machine_only(service: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[service]["ports"])


@pytest.mark.parametrize("service", ["server", "deploy", "worker", "viewer"])
def test_every_setting_can_be_given_in_one_file(service: str) -> None:
    files: list[dict[str, Any]] = SERVICES[service]["env_file"]
    assert files == [{"path": ".env", "required": False}]


def test_the_viewer_has_no_password_of_others() -> None:
    variables = environment_of("viewer", PASSWORDS)
    assert variables["POSTGRES_PASSWORD"] == variables["EVALBOARD_SERVER_PASSWORD"] == ""


def test_workers_start_after_the_flows_are_deployed() -> None:
    waits = SERVICES["worker"]["depends_on"]
    assert waits == {"deploy": {"condition": "service_completed_successfully"}}
    assert command_of("deploy") == ["evalboard", "deploy"]


@pytest.fixture
def postgres() -> Iterator[int]:
    """The port of a PostgreSQL with the password of compose, and an empty database."""
    # Debian's packages put the programs of a server into no folder of the PATH.
    places = os.pathsep.join([os.environ["PATH"], *glob("/usr/lib/postgresql/*/bin")])
    initdb, server = (shutil.which(name, path=places) for name in ("initdb", "postgres"))
    if not (initdb and server):
        pytest.skip("PostgreSQL is not installed")
    account = "nobody" if os.getuid() == 0 else None  # PostgreSQL does not run as root
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        secret = Path(folder, "password")
        secret.write_text(PASSWORDS["POSTGRES_PASSWORD"], encoding="utf-8")
        if account:
            shutil.chown(folder, account)
            shutil.chown(secret, account)
        made = [initdb, "--username=prefect", "--auth=scram-sha-256", f"--pwfile={secret}"]
        subprocess.run([*made, f"{folder}/data"], user=account, check=True, capture_output=True)
        free.close()
        served = [server, "-D", f"{folder}/data", "-p", str(port), "-k", folder]
        with subprocess.Popen(served, user=account, stderr=subprocess.DEVNULL) as program:
            try:
                asyncio.run(create_database(port))
                yield port
            finally:
                program.terminate()


async def create_database(port: int) -> None:
    password = PASSWORDS["POSTGRES_PASSWORD"]
    while True:
        try:
            database = await asyncpg.connect(
                host="127.0.0.1",
                port=port,
                database="postgres",
                user="prefect",
                password=password,
            )
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.1)
        else:
            await database.execute("CREATE DATABASE prefect")
            await database.close()
            return


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
        services.wait_for("server", f"{address}/api/health", timeout_seconds=300)
        assert httpx.get(f"{address}/api/version").status_code == 401
        password = PASSWORDS["EVALBOARD_SERVER_PASSWORD"]
        with SyncPrefectClient(f"{address}/api", auth_string=password) as api:
            api.create_flow_from_name("kept")
