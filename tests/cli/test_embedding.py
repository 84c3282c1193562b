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
from evalboard.settings import Settings
from evalboard_prefect.deployments import HEARTBEAT_SECONDS

SHOW = """
from evalboard.cli.embedding import embedded
from evalboard.settings import load_settings
with embedded(load_settings()):
    from prefect.settings import get_current_settings
    settings = get_current_settings()
    print(settings.api.url, settings.flows.heartbeat_frequency)
"""


def test_flows_of_this_process_call_the_server_and_send_the_heartbeats_it_waits_for(
    tmp_path: Path,
) -> None:
    given = _seen(tmp_path, PREFECT_API_URL="http://127.0.0.1:9/api")
    assert given == ["http://127.0.0.1:9/api", str(HEARTBEAT_SECONDS)]
    address, heartbeats = _seen(tmp_path)  # a server of its own waits for none
    assert address.startswith("http://127.0.0.1:")
    assert heartbeats == "None"


def _seen(home: Path, **variables: str) -> list[str]:
    """Return the address of the server and the seconds between heartbeats that flows are told."""
    settings = Settings.model_validate({"home": home, "offline": True})
    shown = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=child_environment(settings, **variables),
        check=True,
        capture_output=True,
        text=True,
    )
    return shown.stdout.split()


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
