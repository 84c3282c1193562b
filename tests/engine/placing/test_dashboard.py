"""The dashboard of a Ray that a program starts for itself."""

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.ports import free_ports


@pytest.mark.slow
def test_a_port_shows_ray_and_its_metrics_to_whoever_has_the_token(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    given = {
        "EVALBOARD_HOME": str(tmp_path / "home"),
        "EVALBOARD_RAY_DASHBOARD_PORT": str(port),
        "RAY_AUTH_MODE": "token",
        "HOME": str(tmp_path),
    }
    program = [sys.executable, "-m", "tests.engine.placing.member"]
    with subprocess.Popen(program, env=os.environ | given, stdout=subprocess.PIPE) as driver:
        assert driver.stdout
        try:
            assert driver.stdout.readline() == b"member\n"
            token = (tmp_path / ".ray" / "auth_token").read_text(encoding="utf-8")
            targets = f"http://127.0.0.1:{port}/api/prometheus/sd"
            assert httpx.get(targets, timeout=60).status_code == httpx.codes.UNAUTHORIZED
            told = {"Authorization": f"Bearer {token}"}
            while not (found := httpx.get(targets, headers=told, timeout=60).json()):
                time.sleep(0.2)  # until Ray has looked for its programs
            texts = [httpx.get(f"http://{one}/metrics").text for one in found[0]["targets"]]
        finally:
            driver.terminate()
    assert any("ray_node_cpu_count" in text for text in texts)
