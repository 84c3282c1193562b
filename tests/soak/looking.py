"""What a look at a large queue on the Hub costs: calls, processor time, memory.

Every look is a poll in a process of its own, as Prefect's workers start them: it reads the queue,
and writes the board's queue file. Of the requests 19 in 20 have been evaluated. The Hub's limit of
calls is kept in windows that are shorter than the real ones.
"""

import multiprocessing
import os
import resource
import signal
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import constants

from evalboard import publishing
from evalboard.intake import polling
from evalboard.lifecycle import claim, move
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.requests import sign
from tests.hub.server import Quota, SmallHub, running_hub
from tests.signing import SECRET, known_keys
from tests.soak.scenario import HUB_NAMES, SUITE, records

FORK = multiprocessing.get_context("fork")
FINISHED = datetime(2026, 11, 2, tzinfo=UTC)
CHANGED = 10
READS = Quota(3000, 3.0)
"""Files that may be read in each window: the least that the Hub grants, in 3 s for its 300."""
TOKEN = "secret"


class Look(NamedTuple):
    """One poll, as measured from outside."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_mib: float
    """Growth of the largest resident size; what the process had imported is not in it."""
    calls: dict[str, int]
    """By kind."""
    refused: int
    """Calls that were answered with 429."""


def looks(count: int, folder: Path) -> list[Look]:
    """Poll a queue on the Hub: for the first time, unchanged, and after a few changes.

    The first look is killed when half of the files are there, and another process goes on.

    Args:
        count: How many requests.
        folder: For what the machine keeps of the Hub; empty.
    """
    constants.HF_HUB_OFFLINE = False
    constants.HF_HUB_DISABLE_XET = True
    publishing.HOSTED_SECONDS = 0.0
    ours, theirs = FORK.Pipe()
    hub = FORK.Process(target=_serve, args=(theirs, count))
    hub.start()
    try:
        settings = _settings(folder, endpoint=ours.recv())
        killed = _killed(ours, settings, after=count // 2)
        return [
            killed,
            _look("the first look goes on", ours, settings),
            _look("nothing has changed", ours, settings),
            _look(f"{CHANGED} have changed", ours, settings, before="change"),
        ]
    finally:
        ours.send("stop")
        hub.join(10)
        hub.kill()


def _look(name: str, hub: Connection, settings: Settings, *, before: str = "") -> Look:
    if before:
        hub.send(before)
    _asked(hub)
    ours, theirs = FORK.Pipe()
    started = time.monotonic()
    process = FORK.Process(target=_poll, args=(theirs, settings))
    process.start()
    cpu_seconds, peak_mib = ours.recv()
    process.join()
    seconds = time.monotonic() - started
    return Look(name, round(seconds, 1), round(cpu_seconds, 2), round(peak_mib), *_asked(hub))


def _killed(hub: Connection, settings: Settings, *, after: int) -> Look:
    """Poll, and kill the process when it has read so many files."""
    _asked(hub)
    started = time.monotonic()
    process = FORK.Process(target=_poll, args=(FORK.Pipe()[1], settings))
    process.start()
    calls = Counter[str]()
    refused = 0
    while calls["resolve"] < after and process.exitcode is None:
        time.sleep(0.05)
        found = _asked(hub)
        calls.update(found[0])
        refused += found[1]
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    name = f"a first look, killed after {calls['resolve']:,} files"
    return Look(name, round(time.monotonic() - started, 1), 0.0, 0.0, dict(calls), refused)


def _poll(pipe: Connection, settings: Settings) -> None:
    """Do what `flows.poll_flow` does of its own, and send seconds and MiB."""
    cpu, size = time.process_time(), _peak_mib()
    polling.view_queue(settings, now=datetime.now(UTC))
    publishing.publish_queue(settings)
    pipe.send((time.process_time() - cpu, _peak_mib() - size))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _settings(folder: Path, *, endpoint: str) -> Settings:
    found: dict[str, Any] = {name: f"hf://datasets/{repo}" for name, repo in HUB_NAMES.items()}
    found |= {"home": folder / "home", "hub_folder": folder / "machine", "suite": SUITE}
    found |= {"hub_endpoint": endpoint, "hf_token": TOKEN, "backend": "hf", "max_running": 1}
    found["signing_key"] = SECRET
    return Settings.model_validate(found)


def _asked(hub: Connection) -> tuple[dict[str, int], int]:
    """Return what the Hub was asked since this was asked last, and how much of it was refused."""
    hub.send("asked")
    return hub.recv()


def _serve(pipe: Connection, count: int) -> None:
    """Serve a Hub with so many requests; do what is asked: `asked`, `change`, `stop`."""
    with running_hub() as hub:
        for name in HUB_NAMES.values():
            hub.create(name)
        hub.quotas["resolve"] = READS
        everything = records(count)
        repo = hub.repo(HUB_NAMES["requests"])
        repo.commit(_signed(map(_finished, everything)))
        pipe.send(hub.address)
        parent = os.getppid()
        while os.getppid() == parent:
            if not pipe.poll(0.5):
                continue
            match pipe.recv():
                case "asked":
                    pipe.send(_counted(hub))
                case "change":
                    repo.commit(_signed(everything[1 : CHANGED + 1]))
                case _:
                    return


def _signed(requests: Iterable[RequestRecord]) -> dict[str, bytes]:
    key = known_keys().obtain()
    return {record.path: sign(record.path, record, key) for record in requests}


def _counted(hub: SmallHub) -> tuple[dict[str, int], int]:
    calls = dict(hub.calls)
    refused = sum(n for (_, status), n in hub.answers.items() if status == 429)
    hub.calls.clear()
    hub.answers.clear()
    return calls, refused


def _finished(record: RequestRecord) -> RequestRecord:
    if int(record.model.rpartition("-")[2]) % 20 == 0:
        return record
    claimed = claim(record, Claim(run_id=record.revision, host="machine"), now=FINISHED)
    return move(claimed, Status.FINISHED, now=FINISHED, reason="9 benchmarks stored")
