"""A year of operation within minutes: `make year` simulates it and writes what it leaves behind.

One model is really evaluated. What Prefect stored of its runs, and what it left in the work folder, is
then repeated with the dates of a year: each run that the schedules start, and a run for each model.
After each week Prefect's own vacuum and `evalboard clean` do what they would have done by then.
"""

import argparse
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

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
        text = simulate(home, folder, days=arguments.days, models=arguments.models)
    if arguments.report:
        arguments.report.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


def evaluate_one_model(folder: Path) -> Path:
    """Let `evalboard up` evaluate a tiny model, and return the home of the installation."""
    home = folder / "home"
    environment = os.environ | {
        "EVALBOARD_HOME": str(home),
        "EVALBOARD_SUITE": "demo",
        "EVALBOARD_DATASETS": str(folder / "questions"),
        "EVALBOARD_MODELS": str(folder / "models"),
        "EVALBOARD_OFFLINE": "true",
        "EVALBOARD_BACKEND": "hf",
    }
    program = [sys.executable, "-m", "evalboard"]
    for command in (
        [sys.executable, "-c", MAKE_MATERIAL],
        [*program, "submit", "lab/tiny", "--model-type", "pretrained"],
    ):
        subprocess.run(command, cwd=folder, env=environment, check=True)
    with subprocess.Popen([*program, "up"], cwd=folder, env=environment) as services:
        while services.poll() is None and not _is_finished(home):
            time.sleep(PAUSE_SECONDS)
        # Its schedule may have no turn for a long time.
        reconcile = ["-m", "prefect", "deployment", "run", "reconcile/scheduled"]
        server = environment | {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}
        subprocess.run([sys.executable, *reconcile], cwd=folder, env=server, check=True)
        time.sleep(SETTLING_SECONDS)
        services.send_signal(signal.SIGTERM)
    return home


def _is_finished(home: Path) -> bool:
    return any("FINISHED" in f.read_text("utf-8") for f in (home / "requests").rglob("*.json"))


def simulate(home: Path, folder: Path, *, days: int, models: int) -> str:
    """Repeat what one model left behind, with the dates of a year, and return the report."""
    database = folder / "year.db"
    os.environ["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{database}"
    os.environ["HF_HOME"] = str(folder / "huggingface")

    # These read the variables when they are imported.
    from evalboard.settings import Settings
    from tests.year.folders import WorkOfAYear, cache_of_a_year, left_by_one_run
    from tests.year.report import report
    from tests.year.simulating import DatabaseOfAYear

    started = time.monotonic()
    settings = Settings.model_validate({"home": folder / "simulated"})
    end = datetime.now(UTC)
    with sqlite3.connect(home / "prefect" / "prefect.db") as source:
        source.execute("VACUUM INTO ?", (str(database),))
    prefect = DatabaseOfAYear(database, keep_days=settings.keep_runs_days)
    work = WorkOfAYear(left_by_one_run(home / "work"), settings, clean_days=30)
    weeks = prefect.weeks(end, days, models, each_model=work.leave, each_week=work.clean)
    cache = cache_of_a_year(iter(prefect.days(end, days)), settings)
    return report(
        weeks,
        rows=prefect.rows_of_a_run,
        days=days,
        models=models,
        work=work.largest,
        cache=cache,
        seconds=time.monotonic() - started,
        keep_days=settings.keep_runs_days,
    )


if __name__ == "__main__":
    main()
