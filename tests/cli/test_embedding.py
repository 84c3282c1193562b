"""The environment of flows that a verb calls in its own process."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from evalboard.cli import embedding
from evalboard.engine.hardware import LocalGpus
from evalboard.process_environment import child_environment
from evalboard.services import Services
from evalboard.settings import Settings, load_settings
from evalboard_prefect.deployments import HEARTBEAT_SECONDS

SHOW = """
from evalboard.cli.embedding import require_server
from evalboard.settings import load_settings
require_server(load_settings())
from prefect.settings import get_current_settings
settings = get_current_settings()
print(settings.api.url, settings.flows.heartbeat_frequency)
"""


def test_flows_of_this_process_call_the_server_and_send_the_heartbeats_it_waits_for() -> None:
    variables = child_environment(load_settings(), PREFECT_API_URL="http://127.0.0.1:9/api")
    seen = subprocess.run(
        [sys.executable, "-c", SHOW], env=variables, check=True, capture_output=True, text=True
    )
    assert seen.stdout.split() == ["http://127.0.0.1:9/api", str(HEARTBEAT_SECONDS)]


@pytest.mark.parametrize(
    ("offline", "gpus", "cluster", "starts"),
    [
        (False, 0, "", True),
        (True, 0, "", False),
        (True, 1, "", True),
        (True, 0, "10.0.0.1", True),
    ],
)
def test_files_are_found_ahead_where_there_is_something_to_find(
    offline: bool,
    gpus: int,
    cluster: str,
    starts: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedding, "local_gpus", lambda: LocalGpus(gpus, 2**34))
    settings = Settings.model_validate(
        {"home": tmp_path, "offline": offline, "ray_address": cluster or None}
    )
    before = set(psutil.Process().children())
    with Services(tmp_path, dict(os.environ)) as services:
        embedding.prepare_ahead(services, settings)
        started = set(psutil.Process().children()) - before
        assert len(started) == starts
        for process in started:
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        services.check()
