"""Start the processes of a soak, kill some, start others in their place, and look at what is left.

It forks: everything is imported once, before any thread is started here, so that 27 processes are
up within a second. That is also why the Hub has a process of its own.
"""

import json
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, MutableSequence
from datetime import timedelta
from multiprocessing.context import ForkProcess
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any, NamedTuple, cast

import psutil
from huggingface_hub import constants
from huggingface_hub.utils import disable_progress_bars, logging

from evalboard import publishing
from evalboard.process_environment import environment_of, set_environment
from evalboard.queueing import overview
from evalboard.settings import Settings
from evalboard.signing import KeySource
from evalboard.stores.addresses import open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import sign
from tests.signing import SECRET
from tests.soak.audit import Audit
from tests.soak.checking import Edit, look, violations
from tests.soak.hubs import HubReport, serve
from tests.soak.roles import Desk, live
from tests.soak.runs import Runs
from tests.soak.scenario import HUB_NAMES, MACHINES, SUITE, Scenario, records
from tests.soak.striking import Doom, Moment, reaching, watch_stores

FORK = multiprocessing.get_context("fork")
LOOK_SECONDS = 1.0
DOOM_SECONDS = 15.0
"""A process that has not come to the moment of its death by then is killed at any moment."""
NOTICE_SECONDS = 1.0
"""Longest time until the stand-in for Prefect notices that a run's process is gone."""
STOP_SECONDS = 120.0
STALL_SECONDS = 300.0
"""When no status has changed for so long, the soak is given up."""
BOARD_SECONDS = 5.0
"""In place of the minute between two versions of a hosted board's file, for more of them."""
SHOWN = timedelta(seconds=5)
"""In place of the day for which a finished request keeps its progress in view: here all finish
within minutes."""
TOKEN = "secret"
"""Of the small Hub."""
KILLED = (
    ("worker", Moment.ANY),
    ("worker", Moment.CLAIMED),
    ("worker", Moment.BETWEEN),
    ("worker", Moment.CLOSING),
    ("worker", Moment.SENDING),
    ("worker", Moment.SENT),
    ("poller", Moment.ANY),
    ("reconciler", Moment.ANY),
)
"""Who is killed when; every soak with kills goes through these in turn."""


class Place(NamedTuple):
    """Where a process works: when it is killed, another one takes its place."""

    number: int
    role: str
    machine: str


class Strike(NamedTuple):
    """A kill that was ordered and has not happened yet."""

    moment: Moment
    at_latest: float


class Soaked(NamedTuple):
    """How a soak ended."""

    scenario: Scenario
    seconds: float
    violations: list[str]
    kills: dict[str, int]
    runs: int
    events: dict[str, int]
    """How many of each kind the processes noted."""
    troubles: dict[str, int]
    """Errors of the product, by where and code."""
    commits: dict[str, int]
    hub: HubReport | None

    def to_document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            **self._asdict(),
            "scenario": self.scenario._asdict(),
            "hub": self.hub._asdict() if self.hub else None,
        }


def soak(scenario: Scenario, folder: Path) -> Soaked:
    """Run one soak under a folder that is empty."""
    # As in tests/stores/conftest.py: the small Hub is asked, and it has no Xet.
    constants.HF_HUB_OFFLINE = False
    constants.HF_HUB_DISABLE_XET = True
    disable_progress_bars()
    logging.set_verbosity_error()
    publishing.HOSTED_SECONDS = BOARD_SECONDS
    overview.PROGRESS_SHOWN_FOR = SHOWN
    if scenario.store == "local":
        return _Soak(scenario, folder, None, "").run()
    ours, theirs = FORK.Pipe()
    hub = FORK.Process(target=serve, args=(theirs, scenario.faults, scenario.seed))
    hub.start()
    try:
        return _Soak(scenario, folder, ours, ours.recv()).run()
    finally:
        ours.send("stop")
        hub.join(10)
        hub.kill()


class _Soak:
    def __init__(self, scenario: Scenario, folder: Path, hub: Any, endpoint: str) -> None:
        self._scenario = scenario
        self._folder = folder
        self._hub = hub
        self._endpoint = endpoint
        self._random = random.Random(scenario.seed)
        self._audit = Audit(folder / "audit.jsonl")
        self._runs = {name: Runs(folder / f"runs-{name}.sqlite") for name in MACHINES}
        self._records = {record.path: record for record in records(scenario.requests)}
        self._places = self._make_places()
        self._doom = Doom(cast("MutableSequence[int]", RawArray("i", len(self._places))))
        self._over = RawArray("b", 1)
        self._living: dict[Place, ForkProcess] = {}
        self._strikes: dict[Place, Strike] = {}
        self._unnoticed: list[tuple[float, int]] = []
        self._kills: Counter[str] = Counter()
        self._ordered = 0
        self._wrong: list[str] = []

    def run(self) -> Soaked:
        """Seed the queue, work until it is done, and check what is there."""
        self._do_aside(self._seed)
        started = time.monotonic()
        if self._hub:
            self._hub.send("begin")
        for place in self._places:
            self._start(place)
        try:
            self._work_until_done(started + self._scenario.longest_seconds)
            seconds = time.monotonic() - started
        finally:
            self._stop()
        if self._hub:
            self._hub.send("calm")
        if self._hub:
            for machine in MACHINES:
                self._do_aside(self._tidy, machine)
        self._do_aside(self._settle)
        return self._judge(seconds)

    def _make_places(self) -> list[Place]:
        scenario = self._scenario
        roles = ["poller"] * scenario.pollers + ["worker"] * scenario.workers
        roles += ["reconciler"] * scenario.reconcilers + ["person"]
        return [
            Place(number, role, MACHINES[number % len(MACHINES)])
            for number, role in enumerate(roles)
        ]

    def _settings(self, machine: str) -> Settings:
        home = self._folder / "home"
        found: dict[str, Any] = {
            "home": home,
            "suite": SUITE,
            "backend": "hf",
            "signing_key": SECRET,
            "max_running": 2 * self._scenario.workers,
            "retry_pauses": "0.01, 0.01",
            "prefect_api_url": f"http://prefect-of-{machine}.invalid/api",
        }
        if self._hub:
            found |= {name: f"hf://datasets/{repo}" for name, repo in HUB_NAMES.items()}
            found |= {
                "hub_endpoint": self._endpoint,
                "hf_token": TOKEN,
                "hub_folder": self._folder / f"machine-{machine}",
                "hub_commits_per_hour": 10**6,
            }
        return Settings.model_validate(found)

    def _start(self, place: Place) -> None:
        self._doom.set(place.number, None)
        process = FORK.Process(target=self._live, args=(place,), name=place.role)
        process.start()
        self._living[place] = process

    def _live(self, place: Place) -> None:
        parent = os.getppid()
        reach = reaching(self._doom, place.number, self._audit)
        watch_stores(reach, self._audit)
        desk = Desk(
            self._settings(place.machine),
            self._runs[place.machine],
            self._audit,
            reach,
            tuple(self._records),
            self._scenario.poll_seconds,
        )
        live(place.role, desk, lambda: self._over[0] or os.getppid() != parent)

    def _work_until_done(self, deadline: float) -> None:
        looked, changed, before = 0.0, time.monotonic(), Counter[str]()
        while True:
            self._bury()
            self._notice()
            if time.monotonic() > looked + LOOK_SECONDS:
                looked = time.monotonic()
                statuses = self._statuses()
                if statuses["FINISHED"] == self._scenario.requests:
                    return
                if statuses != before:
                    changed, before = looked, statuses
                if looked > min(deadline, changed + STALL_SECONDS):
                    self._wrong.append(f"given up, since nothing moves: {dict(statuses)}")
                    return
                self._order_kills(statuses["FINISHED"])
            self._strike_late()
            time.sleep(0.02)

    def _statuses(self) -> Counter[str]:
        if self._hub:
            self._hub.send("statuses")
            return self._hub.recv()
        folder = self._folder / "home" / "requests"
        contents = ((folder / path).read_bytes() for path in self._records)
        return Counter(json.loads(content)["status"] for content in contents)

    def _order_kills(self, finished: int) -> None:
        """Order as many kills as belong to what is finished: all of them before the end."""
        share = finished / (0.8 * self._scenario.requests)
        due = min(self._scenario.kills, int(share * self._scenario.kills) + 1)
        while self._ordered < due:
            role, moment = KILLED[self._ordered % len(KILLED)]
            free = [p for p in self._places if p.role == role and p not in self._strikes]
            if not free:
                return
            place = self._random.choice(free)
            wait = DOOM_SECONDS
            if moment is Moment.ANY:
                wait = self._random.uniform(0.0, LOOK_SECONDS)
            self._strikes[place] = Strike(moment, time.monotonic() + wait)
            self._doom.set(place.number, moment)
            self._ordered += 1

    def _strike_late(self) -> None:
        for place, strike in self._strikes.items():
            process = self._living[place]
            if strike.at_latest < time.monotonic() and process.pid and process.exitcode is None:
                self._strikes[place] = Strike(Moment.ANY, float("inf"))
                self._kill(process.pid)

    def _kill(self, pid: int) -> None:
        """Kill a process; it is held first, so that it writes nothing after the note of its end."""
        process = psutil.Process(pid)
        process.suspend()
        while process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE):
            time.sleep(0.001)
        self._audit.note("killed", pid=pid, moment=Moment.ANY)
        os.kill(pid, signal.SIGKILL)

    def _bury(self) -> None:
        """Replace every process that has ended."""
        for place, process in list(self._living.items()):
            if process.exitcode is None:
                continue
            process.join()
            strike = self._strikes.pop(place, None)
            if strike and process.exitcode == -signal.SIGKILL:
                self._kills[f"{place.role}, {strike.moment}"] += 1
            else:
                self._wrong.append(f"a {place.role} ended by itself with {process.exitcode}")
            notice = time.monotonic() + self._random.uniform(0.0, NOTICE_SECONDS)
            self._unnoticed.append((notice, process.pid or 0))
            self._start(place)

    def _notice(self) -> None:
        due = [pid for time_, pid in self._unnoticed if time_ <= time.monotonic()]
        self._unnoticed = [one for one in self._unnoticed if one[1] not in due]
        for pid in due:
            for runs in self._runs.values():
                runs.lose(pid)

    def _stop(self) -> None:
        for place in self._strikes:
            self._doom.set(place.number, None)
        self._over[0] = 1
        deadline = time.monotonic() + STOP_SECONDS
        for place, process in self._living.items():
            process.join(max(0.0, deadline - time.monotonic()))
            if process.exitcode is None:
                self._wrong.append(f"a {place.role} does not end")
                process.kill()
                process.join()
            elif process.exitcode:
                self._wrong.append(f"a {place.role} ended with {process.exitcode}")

    def _do_aside(self, work: Callable[[Settings], None], machine: str = "one") -> None:
        """Do something with the stores in a process of its own, which may start threads."""

        def aside() -> None:
            settings = self._settings(machine)
            set_environment(environment_of(settings))
            work(settings)

        process = FORK.Process(target=aside)
        process.start()
        process.join()
        if process.exitcode:
            self._wrong.append(f"{work.__name__} ended with {process.exitcode}")

    def _seed(self, settings: Settings) -> None:
        store = open_store(settings.store_address("requests"), settings)
        key = KeySource(settings).obtain()
        writes = [Write(path, sign(path, record, key)) for path, record in self._records.items()]
        store.commit(writes, message="seed")

    def _settle(self, settings: Settings) -> None:
        """Let the last queue be published, as the next poll would."""
        publishing.publish_queue(settings, wait=True)

    def _tidy(self, settings: Settings) -> None:
        """Look at every store, which sends what dead processes of this machine left."""
        for name in HUB_NAMES:
            open_store(getattr(settings, name)).snapshot()

    def _judge(self, seconds: float) -> Soaked:
        settings = self._settings("one")
        set_environment(environment_of(settings))
        report: HubReport | None = None
        if self._hub:
            self._hub.send("report")
            report = self._hub.recv()
        events = self._audit.events()
        edits = [Edit(**event.facts) for event in events if event.kind == "edited"]
        edits += [Edit(*edit) for edit in (report.edits if report else ())]
        wrong = violations(
            look(settings),
            events,
            paths=self._records,
            edits=edits,
            suite=SUITE,
            was_killed=bool(self._scenario.kills),
        )
        troubles = Counter(
            f"{event.facts['where']}: {event.facts['code']}"
            for event in events
            if event.kind == "trouble"
        )
        return Soaked(
            self._scenario,
            round(seconds, 1),
            [*self._wrong, *wrong, *self._left_over()],
            dict(self._kills),
            sum(runs.count() for runs in self._runs.values()),
            dict(Counter(event.kind for event in events)),
            dict(troubles),
            report.commits if report else self._local_commits(),
            report,
        )

    def _left_over(self) -> list[str]:
        """Return what should not be on the disk any more: changes that nobody has sent."""
        entries = self._folder.glob("machine-*/**/outbox/waiting/*.entry")
        journals = self._folder.glob("home/*/.evalboard/journal.json")
        return [f"left behind: {path.relative_to(self._folder)}" for path in (*entries, *journals)]

    def _local_commits(self) -> dict[str, int]:
        histories = {
            name: self._folder / "home" / name / ".evalboard" / "history.jsonl"
            for name in HUB_NAMES
        }
        return {
            name: len(set(path.read_text(encoding="utf-8").splitlines()))
            for name, path in histories.items()
        }
