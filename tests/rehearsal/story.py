"""What happens to the programs while they evaluate twelve models."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Cancelling

from evalboard.records.request import RequestRecord, Status
from tests.rehearsal.installation import Installation, until
from tests.rehearsal.material import BROKEN, GOOD

OUTAGE_SECONDS = 20.0
"""Time for which Ray's head and the Prefect server stay away."""
FULL_SECONDS = 60.0
END_SECONDS = 1200.0
OVER = (Status.FINISHED, Status.FAILED, Status.REJECTED)


class Happening(NamedTuple):
    """One line of the report."""

    seconds: float
    """Since the first submission."""
    what: str
    then: str


class Story:
    """The strikes in their order. Each waits for a model that is being answered.

    Args:
        installation: Which is struck.
    """

    def __init__(self, installation: Installation) -> None:
        self._all = installation
        self._began = time.monotonic()
        self.happenings: list[Happening] = []
        self.handed_back: set[str] = set()
        """Models whose requests were handed back at SIGTERM."""

    def tell(self) -> None:
        """Submit everything, strike, and wait until the queue is empty."""
        self._all.submit([*GOOD, *BROKEN])
        programs = self._all.programs
        self._strike("worker: `kill -9`", programs["worker"].kill)
        self._strike(
            "Ray's head: `kill -9`", lambda: programs["ray"].kill(for_seconds=OUTAGE_SECONDS)
        )
        self._strike(
            "Prefect server: `kill -9`", lambda: programs["server"].kill(for_seconds=OUTAGE_SECONDS)
        )
        self._strike("worker: SIGTERM", self._stop_worker)
        self._strike(f"disk full for {FULL_SECONDS:.0f} s", self._fill_disk)
        self._cancel_and_requeue()
        seconds = until(self._is_over, "all requests have ended", seconds=END_SECONDS)
        self._note("the rest of the queue", f"has ended {seconds:.0f} s later")

    def _is_over(self) -> bool:
        records = self._all.requests()
        return len(records) == len(GOOD) + len(BROKEN) and all(
            record.status in OVER for record in records.values()
        )

    def _await_answers(self) -> list[RequestRecord]:
        """Wait until a model is answering, and return the requests that are evaluated."""
        until(lambda: self._all.running() and self._all.kept_answers(), "a model is answering")
        return self._all.running()

    def _strike(self, what: str, do: Callable[[], object]) -> None:
        hit = self._await_answers()
        kept = self._all.kept_answers()
        names = " and ".join(record.model for record in hit)
        began = time.monotonic()
        do()
        for record in hit:
            until(lambda record=record: self._goes_on(record), f"{record.model} goes on")
        seconds = time.monotonic() - began
        self._note(
            f"{what}, while {names} had {kept:,} unfinished answers",
            f"all of it went on or had ended {seconds:.0f} s later",
        )

    def _goes_on(self, before: RequestRecord) -> bool:
        """Return whether a request has ended, or is being answered after another claim."""
        now = self._all.requests()[before.model]
        if now.status in OVER:
            return True
        is_claimed_anew = now.evalboard.claimed_by != before.evalboard.claimed_by
        return now.status is Status.RUNNING and is_claimed_anew and self._all.kept_answers() > 0

    def _stop_worker(self) -> None:
        hit = [record.model for record in self._all.running()]
        code = self._all.programs["worker"].terminate()
        assert code == 0, f"the worker ended with {code} after SIGTERM"
        records = self._all.requests()
        for model in hit:
            record = records[model]
            assert record.status in (Status.PENDING, Status.FINISHED), f"{model}: {record.status}"
            if record.status is Status.PENDING:
                self.handed_back.add(model)

    def _fill_disk(self) -> None:
        with _full(self._all.disk):
            time.sleep(FULL_SECONDS)

    def _cancel_and_requeue(self) -> None:
        """Cancel a run in Prefect between two benchmarks, and let reconcile look at once."""
        until(
            lambda: (
                self._all.running() and self._all.finished_benchmarks() and self._all.kept_answers()
            ),
            "a model is between two benchmarks",
        )
        record = next(one for one in self._all.running())
        with SyncPrefectClient(self._all.api_url) as client:
            client.set_flow_run_state(UUID(str(record.job_id)), Cancelling())
            deployment = client.read_deployment_by_name("reconcile/scheduled")
            client.create_flow_run_from_deployment(deployment.id)
        seconds = until(
            lambda: self._status(record) in (Status.CANCELLED, Status.FINISHED),
            f"{record.model} is cancelled",
        )
        status = self._status(record)
        self._note(
            f"{record.model} cancelled in Prefect between two benchmarks, at a reconciliation",
            f"{status} {seconds:.0f} s later; put back into the queue",
        )
        if status is Status.CANCELLED:
            command = [sys.executable, "-m", "evalboard", "requeue", record.model]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    def _status(self, record: RequestRecord) -> Status:
        return self._all.requests()[record.model].status

    def _note(self, what: str, then: str) -> None:
        self.happenings.append(Happening(time.monotonic() - self._began, what, then))
        sys.stderr.write(f"{self.happenings[-1].seconds:5.0f} s  {what}: {then}\n")


@contextmanager
def _full(disk: Path) -> Iterator[None]:
    """Fill a disk to its last byte."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (2**20, 2**12):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    try:
        yield
    finally:
        filler.unlink()
