"""The flow runs of a day, by the deployments' real schedules."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from evalboard_prefect.deployments.deploying import declared_deployments

DAY = timedelta(days=1)
POLL = "poll-requests"
RECONCILE = "reconcile"
EVALUATE = "evaluate-model"
FLOWS = {"poll_requests": POLL, "reconcile": RECONCILE}
EVENT_POLLS = 2
"""Polls that one model causes beside the schedule: it was submitted, and its evaluation ended."""


def scheduled() -> dict[str, timedelta]:
    """Return the interval of each flow that has a schedule."""
    return {
        FLOWS[str(one["entrypoint"]).rpartition(".")[2]]: _interval(one)
        for one in declared_deployments()
        if one.get("schedules")
    }


def runs_of(day: datetime, models: int) -> Iterator[tuple[str, datetime]]:
    """Give flow and time of each run of a day on which so many models are evaluated."""
    for flow, interval in scheduled().items():
        for turn in range(DAY // interval):
            yield flow, day + turn * interval
    for number in range(models):
        at = day + (number + 1) * DAY / (models + 1)
        yield EVALUATE, at
        for turn in range(EVENT_POLLS):
            yield POLL, at + turn * timedelta(minutes=30)


def _interval(deployment: Mapping[str, Any]) -> timedelta:
    (schedule,) = deployment["schedules"]
    return timedelta(seconds=schedule["interval"])
