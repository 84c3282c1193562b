"""The dashboard of a Ray that a program starts for itself."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.ports import free_ports


def metrics(targets: str, told: dict[str, str]) -> str:
    """Return what all of Ray's programs count that answer already."""
    found = httpx.get(targets, headers=told, timeout=60).json()
    addresses = [address for group in found for address in group["targets"]]
    texts: list[str] = []
    for address in addresses:
        with suppress(httpx.ConnectError):  # its address is known before it listens
            texts.append(httpx.get(f"http://{address}/metrics", timeout=60).text)
    return "".join(texts)


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
            deadline = time.monotonic() + 120
            while "ray_node_cpu_count" not in (texts := metrics(targets, told)):
                assert time.monotonic() < deadline, texts
                time.sleep(0.5)  # until Ray has looked for its programs, and they have counted
        finally:
            driver.terminate()
