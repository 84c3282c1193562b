"""Measure a viewer that serves a large board, as its own process, to a real Chromium."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from evalboard.bench.machine import processor_name
from evalboard.stores.local import LocalStore
from tests.leaderboard_app.bench.answers import measure_answers
from tests.leaderboard_app.bench.material import fill_board
from tests.leaderboard_app.bench.pages import measure_pages
from tests.leaderboard_app.bench.program import memory_of, viewer_program
from tests.leaderboard_app.bench.report import broken, table, write_report

FURTHER = "open-medical-cot"


def main() -> int:
    """Measure, print the table, and write it where asked; return 1 when a promise is broken."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        store = LocalStore(home / "board")
        fill_board(store, asked.models)
        fill_board(store, asked.models, seed=2, folder=f"boards/{FURTHER}/")
        with viewer_program(home, FURTHER) as (address, process):
            found = measure_pages(address, store, asked.models)
            found |= _measure_readers(address, asked.readers)
            found |= measure_answers(address, asked.models)
            found["server bytes"] = memory_of(process)
            httpx.get(f"{address}/boards/{FURTHER}/data/board.json", timeout=120).raise_for_status()
            found["further bytes"] = memory_of(process) - found["server bytes"]
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


def _measure_readers(address: str, readers: int) -> dict[str, Any]:
    """Measure from a process of its own, as readers do not share the server's interpreter."""
    etag = httpx.get(f"{address}/data/board.json").headers["etag"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.leaderboard_app.bench.readers", address, str(readers), etag],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
