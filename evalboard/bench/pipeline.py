"""Measure the whole pipeline: from a request in an empty queue to its stored result."""

import json
import re
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from evalboard.bench.material import Material
from evalboard.bench.memory import Memory, peak_of_up
from evalboard.bench.report import PipelineReport
from evalboard.errors import HarnessError
from evalboard.records.request import RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.services import Services
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue


def measure_pipeline(material: Material, model: str, folder: Path) -> PipelineReport:
    """Run `evalboard run --once`, then `evalboard up`, each on a queue of one unchecked request.

    Raises:
        ConfigError: A program failed; the message names its log.
        HarnessError: A request did not end with a result.
    """
    once = folder / "once"
    settings = material.settings_of(once)
    path = put_request(settings, model, material.precision)
    with Services(once, material.environment(once)) as services:
        started = time.monotonic()
        services.run("run", [sys.executable, "-m", "evalboard", "run", "--once"])
        seconds = time.monotonic() - started
    require_finished(settings, path)
    (document,) = open_archive(settings).read().documents
    peak = _measure_up(material, model, folder / "up")
    return PipelineReport(
        model=model,
        questions=sum(counts["effective"] for counts in document.n_samples.values()),
        seconds=seconds,
        account=time_account(_report(settings.prefect_folder / "prefect.db")),
        memory_gb=peak.bytes / 1e9,
        processes=peak.processes,
    )


def put_request(settings: Settings, model: str, precision: str) -> str:
    """Add an unchecked request to the queue, as another program might, so the poll checks it."""
    record = RequestRecord(model=model, precision=precision, submitted_time=timestamp())
    return open_queue(settings).add(record)


def time_account(report: str) -> dict[str, float]:
    """Read the durations from the Markdown report of a run. `score` is their sum."""
    rows = re.findall(r"^\| ([a-z][^|]*) \| ([0-9.]+) \|$", report.partition("| time |")[2], re.M)
    account: dict[str, float] = {}
    for part, seconds in rows:
        name = part.partition(" ")[0]
        account[name] = account.get(name, 0.0) + float(seconds)
    return account


def _measure_up(material: Material, model: str, folder: Path) -> Memory:
    settings = material.settings_of(folder)
    path = put_request(settings, model, material.precision)
    peak = peak_of_up(
        material.environment(folder),
        folder,
        until=lambda: _record(settings, path).status not in (Status.PENDING, Status.RUNNING),
    )
    require_finished(settings, path)
    return peak


def _record(settings: Settings, path: str) -> RequestRecord:
    return open_queue(settings).get(path)


def require_finished(settings: Settings, path: str) -> None:
    """Raise HarnessError if a request did not end with a result."""
    record = _record(settings, path)
    if record.status is not Status.FINISHED:
        reason = record.evalboard.history[-1].reason if record.evalboard.history else ""
        raise HarnessError(
            f"Nothing can be measured: the request is {record.status}: {reason} The logs are in "
            f"{str(settings.home)!r}."
        )


def _report(database: Path) -> str:
    """Return the run's report, which Prefect keeps; its server has ended with the process."""
    with closing(sqlite3.connect(database)) as connection:
        (data,) = connection.execute(
            "SELECT data FROM artifact WHERE key = 'evaluation'"
        ).fetchone()
    return json.loads(data)
