"""Artifacts of runs, which must not disturb the runs."""

from uuid import uuid4

from prefect.settings import PREFECT_API_URL, temporary_settings

from evalboard_prefect.tasks.artifacts import create_artifact, update_artifact
from tests.ports import free_ports


def test_a_server_that_is_away_ends_no_work() -> None:
    (port,) = free_ports(1)
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{port}/api"}):
        assert create_artifact("progress", "medqa", 50.0, "half of it") is None
        update_artifact(uuid4(), 60.0, "more of it")
