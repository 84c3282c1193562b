"""The eyes of a rehearsal: what goes on, said line by line, and when nothing goes on any more."""

import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.rehearsal.installation import Installation, Working

LOOK_SECONDS = 0.3
PATIENCE_MINUTES = 4.0
"""A board on which nothing changes for so long makes no progress. A request pauses for a minute at most."""
PATIENCES = 5
"""Longest wait for one thing while others go on, in times of the patience."""


class Stalled(AssertionError):
    """Raised when something does not come, with what is there instead."""


class Watch:
    """Waits, and says each change of the board meanwhile.

    Args:
        installation: Which is watched.
        patience_minutes: Time without a change after which a wait has failed.
    """

    def __init__(
        self, installation: Installation, patience_minutes: float = PATIENCE_MINUTES
    ) -> None:
        self.installation = installation
        self._patience = 60 * patience_minutes
        self.began = time.monotonic()
        """Time from which the lines count."""
        self._said = ""

    def until(
        self, condition: Callable[[], Any], what: str, *, patiences: float = PATIENCES
    ) -> float:
        """Wait until something is true, and return after how many seconds.

        Raises:
            Stalled: It is not true in time, or nothing changes any more.
        """
        began = changed = time.monotonic()
        before = self._state()
        while not condition():
            now, state = time.monotonic(), self._state()
            if state != before:
                before, changed = state, now
                self._say_state(state)
            if now - changed > self._patience:
                raise Stalled(self._words(what, now - changed, "nothing has changed"))
            if now - began > patiences * self._patience:
                raise Stalled(self._words(what, now - began, "it has not come"))
            time.sleep(LOOK_SECONDS)
        return time.monotonic() - began

    def say(self, line: str) -> None:
        """Write a line with the seconds since the beginning."""
        sys.stderr.write(f"{time.monotonic() - self.began:5.0f} s  {line}\n")

    def _state(self) -> tuple[str, tuple[Working, ...]]:
        records = self.installation.requests().values()
        ends = [f"{name} started {n + 1} times" for name, n in self._ends().items() if n]
        statuses = Counter(str(record.status) for record in records)
        queue = ", ".join(f"{number} {status}" for status, number in sorted(statuses.items()))
        return "; ".join([queue, *ends]), tuple(self.installation.working())

    def _say_state(self, state: tuple[str, tuple[Working, ...]]) -> None:
        words, working = state
        runs = [f"{one.model} of run {one.run_id[:8]}" for one in working]
        said = "; ".join([words, *runs])
        if said != self._said:
            self._said = said
            self.say(said)

    def _ends(self) -> dict[str, int]:
        return {name: len(one.ends) for name, one in self.installation.programs.items()}

    def _words(self, what: str, seconds: float, why: str) -> str:
        words, working = self._state()
        load = f"the load of this machine is {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
        answered = [f"{one.model} has {one.answered:,} answers" for one in working]
        last = [f"last words of {p.name}: {p.last_words()}" for p in self._programs()]
        return "; ".join(
            [f"Waiting for '{what}': {why} for {seconds:.0f} s", words, load, *answered, *last]
        )

    def _programs(self) -> list[Any]:
        return [self.installation.programs[name] for name in ("worker", "ray", "server")]


class Growth:
    """Which requests are being answered: the number of answers of their runs grows.

    Args:
        installation: Which is watched, from now on.
    """

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._least: dict[tuple[str, str], int] = {}
        self.grown: dict[str, Working] = {}
        """The last of each request, by model."""

    def look(self) -> list[Working]:
        """Return the requests that are being answered now and have got answers."""
        found: list[Working] = []
        for one in self._installation.working():
            key = (one.model, one.run_id)
            self._least[key] = min(one.answered, self._least.get(key, one.answered))
            if one.answered > self._least[key]:
                found.append(one)
        self.grown |= {one.model: one for one in found}
        return found
