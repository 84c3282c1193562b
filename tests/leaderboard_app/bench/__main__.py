"""Measure a viewer that serves a large board, as its own process, to a real Chromium."""

import argparse
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from evalboard.bench.machine import processor_name
from evalboard.stores.local import LocalStore
from tests.leaderboard_app.bench.material import SUITE, fill_board
from tests.leaderboard_app.bench.pages import measure_pages
from tests.leaderboard_app.bench.report import broken, table, write_report

STARTUP_SECONDS = 120


def main() -> int:
    """Measure, print the table, and write it where asked; return 1 when a promise is broken."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = LocalStore(home / "board")
        fill_board(store, asked.models)
        with _viewer(home) as (address, process):
            found = measure_pages(address, store, asked.models)
            found |= _measure_readers(address, asked.readers)
            found["server bytes"] = _memory(process)
    heading = (
        f"{asked.models:,} models, {found['drawn columns']} columns, {asked.readers} readers; "
        f"{os.cpu_count()} × {processor_name()}, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}."
    )
    sys.stdout.write(f"{heading}\n\n{table(found)}\n")
    if asked.report:
        write_report(asked.report, heading, found)
    for text in broken(found):
        sys.stderr.write(f"Over its limit: {text}\n")
    return int(bool(broken(found)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.leaderboard_app.bench", description=__doc__
    )
    parser.add_argument("--models", type=int, default=10_000, help="rows; default 10,000")
    parser.add_argument("--readers", type=int, default=50, help="at once; default 50")
    parser.add_argument("--report", type=Path, help="Markdown file whose figures are replaced")
    return parser.parse_args()


@contextmanager
def _viewer(home: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve a board as a person would, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "EVALBOARD_HOME": str(home),
        "EVALBOARD_SUITE": SUITE,
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


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(address, timeout=STARTUP_SECONDS).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError("The viewer did not start. Its output says why.")


def _measure_readers(address: str, readers: int) -> dict[str, Any]:
    """Measure from a process of its own, as readers do not share the server's interpreter."""
    etag = httpx.get(f"{address}/data/board.json").headers["etag"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.leaderboard_app.bench.readers", address, str(readers), etag],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def _memory(process: subprocess.Popen[bytes]) -> int:
    """Return the bytes of a process that are in memory."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    sys.exit(main())
