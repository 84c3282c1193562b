"""The large soak, which `make soak` runs, and a small one of any kind for the tests."""

import argparse
import json
import math
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.soak.looking import looks
from tests.soak.report import looks_table, table, write_report
from tests.soak.scenario import Scenario
from tests.soak.supervisor import soak

LARGE = {
    "local": Scenario("local", requests=1000, poll_seconds=10.0, longest_seconds=3600),
    "hub": Scenario("hub", requests=1000, faults=0.05, poll_seconds=10.0, longest_seconds=3600),
    "local-killed": Scenario(
        "local", requests=300, kills=60, poll_seconds=3.0, longest_seconds=3600
    ),
    "hub-killed": Scenario(
        "hub", requests=300, kills=60, faults=0.05, poll_seconds=3.0, longest_seconds=3600
    ),
}
REQUESTS_PER_WORKER = 4
"""In a smaller soak; with fewer, it would be over before a worker that is to be killed has any."""
LOOKS = "looks"
LOOKED_AT = 10_000
FORK = multiprocessing.get_context("fork")


def main() -> int:
    """Run the soaks that are asked for; return 1 when anything was violated."""
    asked = _arguments()
    documents: dict[str, dict[str, Any]] = {}
    looked: list[dict[str, Any]] = []
    for name in asked.only or [*LARGE, LOOKS]:
        if name == LOOKS:
            looked = _apart(name, partial(_looks, asked), asked.folder)
            continue
        scenario = _changed(LARGE[name], asked)
        documents[name] = _apart(name, partial(_soak, scenario), asked.folder)
        found = documents[name]
        sys.stderr.write(f"{name}: {found['seconds']} s, {len(found['violations'])} violations\n")
    sys.stdout.write(f"{table(documents)}\n\n{looks_table(looked)}\n")
    if asked.json:
        asked.json.write_text(json.dumps(documents), encoding="utf-8")
    if asked.report:
        write_report(asked.report, documents, looked)
    return int(any(document["violations"] for document in documents.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--only", choices=[*LARGE, LOOKS], action="append", help="default: all")
    parser.add_argument("--requests", type=int, help="instead of 1,000, 300 and 10,000")
    parser.add_argument("--kills", type=int, help="instead of 60")
    parser.add_argument("--seed", type=int, default=0, help="of faults and kills; default 0")
    parser.add_argument("--folder", type=Path, help="new folder for everything, which then stays")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--report", type=Path, help="Markdown file whose figures are replaced")
    return parser.parse_args()


def _changed(scenario: Scenario, asked: argparse.Namespace) -> Scenario:
    changes: dict[str, Any] = {"seed": asked.seed}
    if asked.requests:
        workers = min(scenario.workers, math.ceil(asked.requests / REQUESTS_PER_WORKER))
        pollers = min(scenario.pollers, math.ceil(workers / 2))
        changes |= {"requests": asked.requests, "poll_seconds": 1.0}
        changes |= {"workers": workers, "pollers": pollers}
    if asked.kills and scenario.kills:
        changes["kills"] = asked.kills
    return scenario._replace(**changes)


def _soak(scenario: Scenario, folder: Path) -> dict[str, Any]:
    return soak(scenario, folder).to_document()


def _looks(asked: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    return [look._asdict() for look in looks(asked.requests or LOOKED_AT, folder)]


def _apart(name: str, work: Callable[[Path], Any], kept: Path | None) -> Any:
    """Do it in a process of its own: it changes the environment and constants of libraries."""
    with tempfile.TemporaryDirectory(prefix="evalboard-soak-") as passing:
        folder = (kept or Path(passing)) / name
        folder.mkdir(parents=True)
        figures = folder / "figures.json"

        def run() -> None:
            figures.write_text(json.dumps(work(folder)), "utf-8")

        process = FORK.Process(target=run)
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"The soak ended with {process.exitcode}.")
        return json.loads(figures.read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(main())
