"""A viewer as a person starts it: a program of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.leaderboard_app.bench.material import SUITE

STARTUP_SECONDS = 120


@contextmanager
def viewer_program(home: Path, *further: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve the boards of a folder, that of `SUITE` and of further suites; give the address and the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "EVALBOARD_HOME": str(home),
        "EVALBOARD_SUITE": SUITE,
        "EVALBOARD_SUITES": ",".join(further),
        "EVALBOARD_OFFLINE": "1",
        "EVALBOARD_VIEWER_PORT": str(port),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "evalboard", "viewer"], env={**os.environ, **settings}
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/data/board.json", process)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def memory_of(process: subprocess.Popen[bytes], name: str = "VmRSS") -> int:
    """Return the bytes of a process that are in memory; of `VmHWM` the most that ever were."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def files_of(process: subprocess.Popen[bytes]) -> int:
    """Return how many files and connections a process has open."""
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(address, timeout=STARTUP_SECONDS).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("The viewer did not start. Its output says why.")
