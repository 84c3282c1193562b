"""The small Hub in a process of its own, with its faults, and somebody who commits in between."""

import json
import os
import random
import threading
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from tests.hub.faults import RANDOM_FAULTS, Fault, Faults
from tests.hub.repository import HubRepo, Refusal, entry_of
from tests.hub.server import SmallHub, running_hub
from tests.soak.scenario import HUB_NAMES

FAULTS = (*RANDOM_FAULTS, Fault(502), Fault(504, late=True), Fault(409))
FOREIGN_SECONDS = 0.2
"""Between two commits of somebody else."""


class HubReport(NamedTuple):
    """What happened at the Hub."""

    calls: int
    faults: dict[str, int]
    commits: dict[str, int]
    """By store, without the first one."""
    lost_races: int
    """Commits that were answered with 412."""
    edits: list[tuple[str, str, int]]
    """What somebody else committed in between: path of the request, key, value."""


class CountedFaults(Faults):
    """Faults for a share of all answers, each of a kind that the call can meet, and counted."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._source = random.Random(seed)
        self._drawing = threading.Lock()
        self.share = 0.0
        self.kinds: Counter[str] = Counter()

    def of(self, kind: str) -> Fault | None:
        """Return what happens to the call that has just come in."""
        with self._drawing:
            if self._source.random() >= self.share:
                return None
            fault = self._source.choice([fault for fault in FAULTS if _fits(fault, kind)])
            self.kinds[_named(fault)] += 1
            return fault


class Somebody:
    """Commits to the queue and beside the results, without a word to anybody."""

    def __init__(self, hub: SmallHub, seed: int) -> None:
        self._hub = hub
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self.is_waiting = False
        """Whether the next commit of the soak will find that somebody was faster."""
        self.edits: list[tuple[str, str, int]] = []

    def commit(self) -> None:
        """Write a key of another program into a request, or a file that is no result."""
        with self._lock:
            self.is_waiting = False
            if self._random.random() < 0.3:
                self._hub.repo(HUB_NAMES["results"]).commit({"NOTES.md": _noise(self._random)})
            else:
                self._edit(self._hub.repo(HUB_NAMES["requests"]))

    def _edit(self, repo: HubRepo) -> None:
        paths = sorted(path for path in repo.files() if path.endswith(".json"))
        path, value = self._random.choice(paths), self._random.randrange(100)
        key = f"foreign_{len(self.edits)}"
        for _ in range(20):
            head = repo.resolve("main")
            entry = repo.entry(path, head)
            assert entry is not None
            document = {**json.loads(entry.content), key: value}
            content = json.dumps(document, indent=2, ensure_ascii=False).encode()
            with suppress(Refusal):
                repo.apply({path: entry_of(content)}, "somebody else", parent=head.sha)
                self.edits.append((path, key, value))
                return


def serve(pipe: Connection, share: float, seed: int) -> None:
    """Serve a Hub until told to stop; send its address, then answer what is asked.

    Asked can be: `statuses`, `begin` (with faults), `calm` (without them), `report`, `stop`.
    """
    with running_hub() as hub:
        faults = hub.faults = CountedFaults(seed)
        for name in HUB_NAMES.values():
            hub.create(name)
        somebody = Somebody(hub, seed)
        is_busy = False
        pipe.send(hub.address)
        parent = os.getppid()
        while os.getppid() == parent:
            if not pipe.poll(FOREIGN_SECONDS):
                if is_busy and not somebody.is_waiting:
                    somebody.is_waiting = True
                    faults.before("commit", somebody.commit)
                continue
            match pipe.recv():
                case "begin":
                    is_busy = share > 0
                    faults.share = share
                case "calm":
                    is_busy = False
                    faults.share = 0.0
                case "statuses":
                    pipe.send(_statuses(hub.repo(HUB_NAMES["requests"])))
                case "report":
                    pipe.send(_report(hub, faults, somebody))
                case _:
                    return


def _statuses(repo: HubRepo) -> Counter[str]:
    return Counter(
        json.loads(content)["status"]
        for path, content in repo.files().items()
        if path.endswith(".json")
    )


def _report(hub: SmallHub, faults: CountedFaults, somebody: Somebody) -> HubReport:
    return HubReport(
        calls=hub.calls.total(),
        faults=dict(faults.kinds),
        commits={name: len(hub.repo(repo).history) - 1 for name, repo in HUB_NAMES.items()},
        lost_races=hub.answers["commit", 412],
        edits=somebody.edits,
    )


def _fits(fault: Fault, kind: str) -> bool:
    """Return whether a fault means anything for a kind of call."""
    if fault.late or fault.status == 409:
        return kind == "commit"
    return kind == "info" or not fault.stale


def _named(fault: Fault) -> str:
    if fault.stale:
        return "an old head told"
    if fault.delay:
        return "a slow answer"
    what = "connection dropped" if fault.status is None else str(fault.status)
    return f"{what}, after the commit" if fault.late else what


def _noise(source: random.Random) -> bytes:
    return f"Note {source.randrange(10**9)}\n".encode()
