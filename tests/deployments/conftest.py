"""A Prefect server that several modules share, since it takes half a minute to start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

from evalboard.services import Services
from evalboard.settings import Settings
from evalboard_prefect.deployments.deploying import deploy
from tests.deployments.serving import environment, start


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
