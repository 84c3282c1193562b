"""What may go wrong on the small Hub, told by the test."""

import random
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Fault:
    """One wrong answer."""

    status: int | None = None
    """Status to answer with; None: none at all."""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    """Close the connection without an answer."""
    late: bool = False
    """Do the work first: the commit lands, its answer is lost."""
    delay: float = 0.0
    """Seconds to wait before anything else."""
    stale: bool = False
    """Answer an info call with the head before the newest."""


BUSY = Fault(429, {"Retry-After": "0"})
RANDOM_FAULTS = (
    BUSY,
    Fault(500),
    Fault(503),
    Fault(drop=True),
    Fault(delay=0.2),
    Fault(stale=True),
    Fault(500, late=True),
    Fault(drop=True, late=True),
)


class Faults:
    """Faults in waiting, per kind of call, and a generator of random ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, list[Fault]] = defaultdict(list)
        self._in_between: dict[str, list[Callable[[], object]]] = defaultdict(list)
        self._share = 0.0
        self._random = random.Random(0)
        self._faults = RANDOM_FAULTS
        self.made: Counter[str] = Counter()
        """Faults that happened, per kind of call."""

    def next(self, kind: str, fault: Fault, *, times: int = 1) -> None:
        """Let the next calls of a kind meet a fault, after those that wait already."""
        with self._lock:
            self._waiting[kind] += [fault] * times

    def clear(self) -> None:
        """Let the calls after this one meet no fault."""
        with self._lock:
            self._waiting.clear()
            self._share = 0.0

    def before(self, kind: str, action: Callable[[], object], *, times: int = 1) -> None:
        """Do something just before the next calls of a kind that arrive are looked at."""
        with self._lock:
            self._in_between[kind] += [action] * times

    @contextmanager
    def holding(self, kind: str) -> Iterator[threading.Event]:
        """Hold the next call of a kind back for the `with` block; yield what is set once it came."""
        came, over = threading.Event(), threading.Event()

        def wait() -> None:
            came.set()
            over.wait()

        self.before(kind, wait)
        try:
            yield came
        finally:
            over.set()

    def randomly(
        self, share: float, *, seed: int = 0, faults: tuple[Fault, ...] = RANDOM_FAULTS
    ) -> None:
        """Let this share of all calls, in [0, 1], meet one of the faults."""
        with self._lock:
            self._share, self._random, self._faults = share, random.Random(seed), faults

    def of(self, kind: str) -> Fault | None:
        """Return what happens to the call that has just come in."""
        with self._lock:
            fault = None
            if self._waiting[kind]:
                fault = self._waiting[kind].pop(0)
            elif self._share and self._random.random() < self._share:
                fault = self._random.choice(self._faults)
            if fault:
                self.made[kind] += 1
            return fault

    def step_in(self, kind: str) -> None:
        """Do what was to be done before a call of this kind."""
        with self._lock:
            waiting = self._in_between[kind]
            action = waiting.pop(0) if waiting else None
        if action:
            action()
