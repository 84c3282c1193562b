"""A year of operation within half an hour: `make year` simulates it and writes what it leaves behind.

One model is really evaluated. What Prefect stored of its runs, and what it left in folders, is then
repeated with the dates of a year. Prefect's own vacuum and `evalboard clean` do what they would have done
by then. The command fails if anything becomes larger than docs/operating.md promises.
"""

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.ports import free_ports

DAYS = 365
MODELS = 1000
PAUSE_SECONDS = 2
SETTLING_SECONDS = 120
"""Time in which the run of the evaluation ends, and a poll and the reconciliation run after it."""
MAKE_MATERIAL = """
from pathlib import Path
from evalboard.demo.models import make_letter_model
from evalboard.demo.questions import write_datasets
write_datasets(Path("questions"))
make_letter_model(Path("models/lab/tiny"))
"""


def main() -> None:
    """Simulate, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--models", type=int, default=MODELS)
    parser.add_argument("--home", type=Path, help="of an installation that has evaluated one model")
    parser.add_argument("--report", type=Path, help="page to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evalboard-year-") as scratch:
        folder = Path(scratch)
        home = arguments.home or evaluate_one_model(folder)
        text, broken = simulate(home, folder, days=arguments.days, models=arguments.models)
    if arguments.report:
        arguments.report.write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    if broken:
        sys.exit("\n".join(broken))


def evaluate_one_model(folder: Path) -> Path:
    """Let `evalboard up` evaluate a tiny model, and return the home of the installation."""
    home = folder / "home"
    port, page = free_ports(2)
    environment = os.environ | {
        "EVALBOARD_HOME": str(home),
        "EVALBOARD_SUITE": "demo",
        "EVALBOARD_DATASETS": str(folder / "questions"),
        "EVALBOARD_MODELS": str(folder / "models"),
        "EVALBOARD_OFFLINE": "true",
        "EVALBOARD_BACKEND": "hf",
        "EVALBOARD_SERVER_PORT": str(port),
        "EVALBOARD_VIEWER_PORT": str(page),
    }
    program = [sys.executable, "-m", "evalboard"]
    for command in (
        [sys.executable, "-c", MAKE_MATERIAL],
        [*program, "submit", "lab/tiny", "--model-type", "pretrained"],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True)
    with subprocess.Popen([*program, "up"], cwd=folder, env=environment) as services:
        try:
            while services.poll() is None and not _is_finished(home):
                time.sleep(PAUSE_SECONDS)
            # Its schedule may have no turn for a long time.
            reconcile = ["-m", "prefect", "deployment", "run", "reconcile/scheduled"]
            server = environment | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
            subprocess.run([sys.executable, *reconcile], cwd=folder, env=server, check=True)
            time.sleep(SETTLING_SECONDS)
        finally:
            services.terminate()
    return home


def _is_finished(home: Path) -> bool:
    (request,) = (home / "requests").rglob("*.json")
    status = json.loads(request.read_text(encoding="utf-8"))["status"]
    if status not in ("PENDING", "RUNNING", "FINISHED"):
        raise RuntimeError(f"The evaluation has ended as {status!r}. There is nothing to repeat.")
    return status == "FINISHED"


def simulate(home: Path, folder: Path, *, days: int, models: int) -> tuple[str, list[str]]:
    """Repeat what one model left behind, with the dates of a year.

    Returns:
        The page, and what became larger than is promised.
    """
    database = folder / "year.db"
    os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{database}"
    os.environ["HF_HOME"] = str(folder / "huggingface")

    from evalboard.settings import Settings
    from evalboard_prefect.deployments.server import environment_of_server

    settings = Settings.model_validate({"home": folder / "simulated"})
    os.environ |= environment_of_server(settings, settings.server_port)

    # These read the variables when they are imported.
    from tests.year.folders import CacheOfAYear, LogsOfAYear, WorkOfAYear, left_by_one_run
    from tests.year.report import CACHE, DATABASE, LOGS, WORK, Year, broken_promises, report
    from tests.year.schedule import Day, days_before
    from tests.year.simulating import DatabaseOfAYear

    started = time.monotonic()
    with closing(sqlite3.connect(home / "prefect" / "prefect.db")) as source:
        source.execute("VACUUM INTO ?", (str(database),))
    prefect = DatabaseOfAYear(database)
    work = WorkOfAYear(left_by_one_run(home / "work"), settings)
    cache = CacheOfAYear(settings)
    logs = LogsOfAYear(
        home / "logs",
        runs=prefect.finished,
        folder=folder / "logs",
        max_bytes=settings.log_file_mib * 2**20,
    )

    def live(day: Day) -> None:
        work.live(day)
        cache.live(day)
        logs.live(day)

    year = days_before(datetime.now(UTC), days, models=models)
    weeks = list(prefect.weeks(year, each_day=live))
    largest = {
        DATABASE: max(week.file for week in weeks),
        LOGS: logs.largest,
        WORK: work.largest,
        CACHE: cache.largest,
    }
    text = report(
        Year(
            days=days,
            models=models,
            weeks=weeks,
            rows=prefect.rows_of_a_run,
            largest=largest,
            written=logs.written,
            keep_days=settings.keep_runs_days,
            seconds=time.monotonic() - started,
        )
    )
    return text, broken_promises(largest)


if __name__ == "__main__":
    main()
