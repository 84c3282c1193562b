"""What happens to the programs while they evaluate models: one strike after the other."""

import math
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from evalboard.records.request import Status
from tests.rehearsal.installation import Working
from tests.rehearsal.material import Models
from tests.rehearsal.strikes import Strike
from tests.rehearsal.watching import Growth, Watch

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
        watch: Of the installation that is struck.
        models: What is submitted.
    """

    def __init__(self, watch: Watch, models: Models) -> None:
        self._watch = watch
        self._all = watch.installation
        self._models = models
        self.happenings: list[Happening] = []

    def tell(self, strikes: Iterable[Strike]) -> None:
        """Submit everything, strike, and wait until the queue is empty.

        Raises:
            AssertionError: A strike finds no moment, what it hit does not go on, or the queue does not
                end.
        """
        self._watch.began = time.monotonic()
        self._all.submit(self._models.names)
        for strike in strikes:
            self._strike(strike)
        seconds = self._watch.until(self._is_over, "all requests have ended", patiences=math.inf)
        self._note("the rest of the queue", f"has ended {seconds:.0f} s later")

    def _is_over(self) -> bool:
        records = self._all.requests()
        return len(records) == len(self._models.names) and all(
            record.status in OVER for record in records.values()
        )

    def _strike(self, strike: Strike) -> None:
        hit = self._await_moment(strike)
        names = " and ".join(f"{one.model} had {one.answered:,} answers" for one in hit)
        self._watch.say(f"{strike.what}, while {names}")
        began = time.monotonic()
        seen = strike.do(self._watch, hit)
        self._await_going_on(strike, hit)
        then = f"all of it went on or had ended {time.monotonic() - began:.0f} s later"
        self._note(f"{strike.what}, while {names}", "; ".join(filter(None, [seen, then])))

    def _await_moment(self, strike: Strike) -> Sequence[Working]:
        growth, found = Growth(self._all), list[Working]()

        def is_moment() -> bool:
            found[:] = [one for one in growth.look() if one.finished or not strike.is_between]
            return bool(found)

        self._watch.until(is_moment, f"a moment for the strike '{strike.what}'")
        return found

    def _await_going_on(self, strike: Strike, hit: Sequence[Working]) -> None:
        """Wait until every request that was hit has ended, or is being answered again."""
        growth = Growth(self._all)

        def goes_on(one: Working) -> bool:
            if self._all.requests()[one.model].status in OVER:
                return True
            now = growth.grown.get(one.model)
            return now is not None and (not strike.ends_runs or now.run_id != one.run_id)

        def all_go_on() -> bool:
            growth.look()
            return all(map(goes_on, hit))

        self._watch.until(all_go_on, f"what was hit goes on after '{strike.what}'")

    def _note(self, what: str, then: str) -> None:
        self.happenings.append(Happening(time.monotonic() - self._watch.began, what, then))
        self._watch.say(f"{what}: {then}")
