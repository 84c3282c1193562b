"""Servers that several modules share: Prefect's takes half a minute to start."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from evalboard.services import Services
from evalboard.settings import Settings
from evalboard_prefect.deployments.deploying import deploy
from tests import postgresql
from tests.deployments.composed import PASSWORDS
from tests.deployments.serving import environment, start
from tests.ports import free_ports


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of a server to which nothing is deployed at first."""
    home = tmp_path_factory.mktemp("server")
    with Services(home, environment(home)) as services:
        yield f"{start(services)}/api"


@pytest.fixture
def api(server: str, tmp_path: Path) -> Iterator[SyncPrefectClient]:
    with (
        temporary_settings({PREFECT_API_URL: server, PREFECT_HOME: tmp_path / "prefect"}),
        SyncPrefectClient(server) as client,
    ):
        yield client


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def settings(server: str, home: Path) -> Settings:
    """The settings of the installation that deploys first."""
    return Settings.model_validate({"home": home, "prefect_api_url": server})


@pytest.fixture
def deployed(api: SyncPrefectClient, settings: Settings) -> SyncPrefectClient:
    list(deploy(settings))
    return api


@pytest.fixture
def postgres() -> Iterator[int]:
    """The port of a PostgreSQL with the password of compose, and an empty database."""
    programs = postgresql.find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    password = PASSWORDS["POSTGRES_PASSWORD"]
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        postgresql.make_cluster(programs, Path(folder), password)
        served = postgresql.command(programs, Path(folder), port)
        with subprocess.Popen(served, stderr=subprocess.DEVNULL) as program:
            try:
                postgresql.create_database(port, password)
                yield port
            finally:
                program.terminate()
