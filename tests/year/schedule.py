"""The flow runs of each day, by the deployments' real schedules."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from evalboard_prefect.deployments.deploying import declared_deployments

DAY = timedelta(days=1)
POLL = "poll-requests"
RECONCILE = "reconcile"
REFRESH = "refresh-models"
EVALUATE = "evaluate-model"
FLOWS = {"poll_requests": POLL, "reconcile": RECONCILE, "refresh_models": REFRESH}
DAILY = re.compile(r"\d+ \d+ \* \* \*")
"""A cron schedule with one time on each day."""
EVENT_POLLS = 2
"""Polls that one model causes beside the schedule: it was submitted, and its evaluation ended."""
EVALUATION = timedelta(hours=2)
"""Length of an evaluation, for its heartbeats."""
HEARTBEAT = timedelta(seconds=30)


class Day(NamedTuple):
    """What happens on a day."""

    start: datetime
    models: int
    """Models that are evaluated."""

    def runs(self) -> Iterator[tuple[str, datetime]]:
        """Give flow and time of each run."""
        for flow, interval in scheduled().items():
            for turn in range(DAY // interval):
                yield flow, self.start + turn * interval
        for at in self.evaluations():
            yield EVALUATE, at
            for turn in range(EVENT_POLLS):
                yield POLL, at + turn * EVALUATION

    def evaluations(self) -> Iterator[datetime]:
        """Give the beginning of each evaluation."""
        for number in range(self.models):
            yield self.start + (number + 1) * DAY / (self.models + 1)

    def heartbeats(self) -> Iterator[datetime]:
        """Give the time of each heartbeat of the evaluations."""
        for at in self.evaluations():
            for beat in range(EVALUATION // HEARTBEAT):
                yield at + beat * HEARTBEAT


def days_before(end: datetime, number: int, *, models: int) -> list[Day]:
    """Return days in their order.

    Args:
        end: End of the last one.
        number: Number of days.
        models: Models that are evaluated on all of them together.
    """
    return [
        Day(
            end - (number - past) * DAY,
            models * (past + 1) // number - models * past // number,
        )
        for past in range(number)
    ]


@cache
def scheduled() -> dict[str, timedelta]:
    """Return the interval of each flow that has a schedule."""
    return {
        FLOWS[str(one["entrypoint"]).rpartition(".")[2]]: _interval(one)
        for one in declared_deployments()
        if one.get("schedules")
    }


def _interval(deployment: Mapping[str, Any]) -> timedelta:
    (schedule,) = deployment["schedules"]
    if "cron" not in schedule:
        return timedelta(seconds=schedule["interval"])
    assert DAILY.fullmatch(schedule["cron"]), schedule
    return DAY
