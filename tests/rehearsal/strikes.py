"""What happens to the programs of a board, each by itself. A strike hits models that are being answered."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Cancelling

from evalboard.records.request import Status
from tests.rehearsal.installation import Working
from tests.rehearsal.watching import Watch

OUTAGE_SECONDS = 20.0
"""Time for which Ray's head and the Prefect server stay away."""
FULL_SECONDS = 60.0

Do = Callable[[Watch, Sequence[Working]], str]


class Strike(NamedTuple):
    """One accident."""

    what: str
    do: Do
    """Does it to what is being answered. Returns what was seen of it, for the report."""
    ends_runs: bool
    """Whether none of the runs that are hit goes on: another run has to claim their requests."""
    is_between: bool = False
    """Whether it has to come when one benchmark of a model is finished and another is not."""


def _kill(name: str, **options: float) -> Do:
    def do(watch: Watch, hit: Sequence[Working]) -> str:
        watch.installation.programs[name].kill(**options)
        return ""

    return do


def _stop_worker(watch: Watch, hit: Sequence[Working]) -> str:
    code = watch.installation.programs["worker"].terminate()
    assert code == 0, f"the worker ended with {code} after SIGTERM"
    records = watch.installation.requests()
    for model in (one.model for one in hit):
        status = records[model].status
        assert status in (Status.PENDING, Status.FINISHED), f"{model}: {status} after SIGTERM"
    return f"the worker ended with {code}, and its requests were back in the queue"


def _fill_disk(watch: Watch, hit: Sequence[Working]) -> str:
    with _full(watch.installation.disk):
        time.sleep(FULL_SECONDS)
    return ""


def _cancel(watch: Watch, hit: Sequence[Working]) -> str:
    """Cancel a run in Prefect, let reconcile look at once, and put the request back when it has ended."""
    one, installation = hit[0], watch.installation
    with SyncPrefectClient(installation.api_url) as client:
        client.set_flow_run_state(UUID(one.run_id), Cancelling())
        deployment = client.read_deployment_by_name("reconcile/scheduled")
        client.create_flow_run_from_deployment(deployment.id)

    def status() -> Status:
        return installation.requests()[one.model].status

    seconds = watch.until(
        lambda: status() in (Status.CANCELLED, Status.FINISHED), f"{one.model} is cancelled"
    )
    found = status()
    if found is Status.CANCELLED:
        command = [sys.executable, "-m", "evalboard", "requeue", one.model]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return f"{found} {seconds:.0f} s later, and put back into the queue"


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


STRIKES = {
    "worker": Strike("worker: `kill -9`", _kill("worker"), ends_runs=True),
    "ray": Strike(
        "Ray's head: `kill -9`", _kill("ray", for_seconds=OUTAGE_SECONDS), ends_runs=False
    ),
    "server": Strike(
        "Prefect server: `kill -9`", _kill("server", for_seconds=OUTAGE_SECONDS), ends_runs=False
    ),
    "sigterm": Strike("worker: SIGTERM", _stop_worker, ends_runs=True),
    "disk": Strike(f"disk full for {FULL_SECONDS:.0f} s", _fill_disk, ends_runs=False),
    "cancel": Strike(
        "cancelled in Prefect between two benchmarks, at a reconciliation",
        _cancel,
        ends_runs=True,
        is_between=True,
    ),
}
"""By the name on the command line, in the order of a whole rehearsal."""
