"""Run our pipeline on the model: a request in an empty queue, until its result is stored."""

import json
import re
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from benchmarks.material import MODEL, PRECISION, Material
from evalboard.cli.services import Services
from evalboard.errors import HarnessError
from evalboard.records.request import RequestRecord, Status, timestamp
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.opening import open_store
from evalboard.stores.requests import RequestQueue
from evalboard.stores.results import ResultsArchive

RUN = "evalboard-run"


class Evaluation(NamedTuple):
    """One whole process of `evalboard run --once`."""

    seconds: float
    account: dict[str, float]
    """Where the evaluation says its time went, in seconds: `start`, `load`, `score`, `store`,
    `overhead`, `total`."""
    scores: dict[str, float]
    """By benchmark key, fractions in [0, 1]."""
    questions: int

    @property
    def around(self) -> float:
        """Seconds before and after the evaluation: imports, servers, poll, checks, board."""
        return self.seconds - self.account["total"]

    @property
    def orchestration(self) -> float:
        """Seconds of the process that are neither loading nor scoring."""
        return self.seconds - self.account["load"] - self.account["score"]


def run_once(material: Material) -> Evaluation:
    """Work on a queue of one unchecked request, in a process of its own.

    Raises:
        ConfigError: The program failed; the message names its log.
        HarnessError: The request did not end with a result.
    """
    settings = material.settings_of(RUN)
    path = put_request(settings)
    with Services(material.folder / RUN / "logs", material.environment(RUN)) as services:
        started = time.monotonic()
        services.run(RUN, [sys.executable, "-m", "evalboard", "run", "--once"])
        seconds = time.monotonic() - started
    require_finished(settings, path)
    results = ResultsArchive(open_store(settings.store_address("results"))).read()
    (document,) = results.documents
    return Evaluation(
        seconds,
        time_account(_report(settings.home / "prefect" / "prefect.db")),
        _scores(document, material),
        sum(counts["effective"] for counts in document.n_samples.values()),
    )


def put_request(settings: Settings) -> str:
    """Put a request into the queue as another program might, so that the poll checks it."""
    record = RequestRecord(model=MODEL, precision=PRECISION, submitted_time=timestamp())
    return RequestQueue(open_store(settings.store_address("requests"))).add(record)


def status_of(settings: Settings, path: str) -> Status:
    """Return where the request stands."""
    return RequestQueue(open_store(settings.store_address("requests"))).get(path).status


def require_finished(settings: Settings, path: str) -> None:
    """Refuse to measure an evaluation that did not end well.

    Raises:
        HarnessError: The request is not FINISHED.
    """
    record = RequestQueue(open_store(settings.store_address("requests"))).get(path)
    if record.status is not Status.FINISHED:
        reason = record.evalboard.history[-1].reason if record.evalboard.history else ""
        raise HarnessError(
            f"The request is {record.status}, so there is nothing to measure: {reason} "
            f"The logs are in {str(settings.home)!r}."
        )


def time_account(report: str) -> dict[str, float]:
    """Read where the time went from the Markdown report of a run; `score` is their sum."""
    rows = re.findall(r"^\| ([a-z][^|]*) \| ([0-9.]+) \|$", report.partition("| time |")[2], re.M)
    account: dict[str, float] = {}
    for part, seconds in rows:
        name = part.partition(" ")[0]
        account[name] = account.get(name, 0.0) + float(seconds)
    return account


def _report(database: Path) -> str:
    """Return the run's report, which Prefect keeps; its server has ended with the process."""
    with closing(sqlite3.connect(database)) as connection:
        (data,) = connection.execute(
            "SELECT data FROM artifact WHERE key = 'evaluation'"
        ).fetchone()
    return json.loads(data)


def _scores(document: ResultDocument, material: Material) -> dict[str, float]:
    return {b.key: document.results[b.task_name][b.metric] for b in material.suite.benchmarks}
