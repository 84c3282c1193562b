"""The settings that `docs/how-to/prefect-server.md` prints, in the environment of a server."""

import sys
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient

from evalboard.services import Services
from evalboard_prefect import deployments
from tests.deployments.composed import PASSWORDS
from tests.deployments.serving import environment
from tests.docs.documented import ROOT, blocks_of
from tests.ports import free_ports

PAGE = ROOT / "docs" / "how-to" / "prefect-server.md"
DATABASE = "PREFECT_API_DATABASE_CONNECTION_URL"


def printed() -> dict[str, str]:
    """Return the variables of all blocks of the page."""
    blocks = [block for block in blocks_of(PAGE) if block.language == "ini"]
    return dict(line.split("=", 1) for block in blocks for line in block.content.splitlines())


@pytest.mark.slow
def test_the_server_has_the_password_the_names_and_the_database_of_the_page(
    postgres: int, tmp_path: Path
) -> None:
    variables = printed()
    word = variables["EVALBOARD_SERVER_PASSWORD"]
    secret = quote(PASSWORDS["POSTGRES_PASSWORD"], safe="")
    variables[DATABASE] = (
        variables[DATABASE]
        .replace("evalboard", "prefect")
        .replace("PASSWORD", secret)
        .replace("HOST", f"127.0.0.1:{postgres}")
    )
    (port,) = free_ports(1)
    variables["EVALBOARD_SERVER_PORT"] = str(port)
    address = f"http://127.0.0.2:{port}"  # a server for this machine only does not answer here
    with Services(tmp_path, environment(tmp_path, **variables)) as services:
        services.start("server", [sys.executable, "-m", f"{deployments.__name__}.server"])
        services.wait_for("server", f"{address}/api/health")
        for host, status in (("prefect.example.org", 401), ("evil.example", 403)):
            answer = httpx.get(f"{address}/api/version", headers={"Host": host})
            assert answer.status_code == status
        with SyncPrefectClient(f"{address}/api", auth_string=word) as api:
            api.create_flow_from_name("kept")
    assert not list(tmp_path.rglob("*.db"))
