"""What can be seen of a board from outside: the state of its queue, and whether somebody works on it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from evalboard.records.board_files import QueueEntry
from evalboard.records.request import Status
from evalboard.records.times import parse_time
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

ALIVE = timedelta(minutes=2)
"""A worker without a sign of life for this long counts as gone. It gives one every 5 to 30 seconds."""


class Workers(NamedTuple):
    """Who works on the queue, as far as this machine's work folder says."""

    alive: int
    """Number of machines."""
    since_sign: timedelta
    """Since the last sign of life of any of them."""


class Vitals(NamedTuple):
    """The state of a board at one moment."""

    requests: dict[str, int]
    """Number of requests by status, of every status."""
    failures: dict[str, int]
    """Number of FAILED requests by the class of their failure."""
    oldest_waiting: timedelta
    """Since the first of the pending requests was submitted; 0 if none is pending."""
    questions_per_second: float
    """Of all running benchmarks."""
    since_poll: timedelta | None
    """None if no machine with this work folder has polled."""
    evaluations: int
    questions: int
    gpu_seconds: float
    """Of the evaluations that ended, whatever their end."""


def observe(entries: Iterable[QueueEntry], settings: Settings, *, now: datetime) -> Vitals:
    """Return the state of a board.

    Args:
        entries: The published queue.
        settings: The work folder.
        now: The current time.

    Raises:
        StoreError: The work folder cannot be read.
    """
    listed, work = list(entries), WorkFolder(settings.work_folder)
    waiting = [parse_time(e.submitted_time) for e in listed if e.status == Status.PENDING]
    first = min((time for time in waiting if time), default=now)
    polled, used = work.last_poll(), work.usage()
    return Vitals(
        requests={s.value: 0 for s in Status} | Counter(entry.status for entry in listed),
        failures=dict(Counter(e.code or "unknown" for e in listed if e.status == Status.FAILED)),
        oldest_waiting=max(timedelta(0), now - first),
        questions_per_second=sum(
            benchmark.per_second
            for entry in listed
            if entry.status == Status.RUNNING
            for benchmark in entry.benchmarks.values()
            if benchmark.state == "running"
        ),
        since_poll=now - polled if polled else None,
        evaluations=len(used),
        questions=int(sum(each["questions"] for each in used)),
        gpu_seconds=sum(each["seconds"] * each["gpus"] for each in used),
    )


def see_workers(settings: Settings, *, now: datetime) -> Workers | None:
    """Return which machines have living workers; None if none has ever worked with this work folder."""
    ages = [now - seen for seen in WorkFolder(settings.work_folder).workers().values()]
    if not ages:
        return None
    return Workers(sum(age <= ALIVE for age in ages), max(timedelta(0), min(ages)))


def why_silent(since_poll: timedelta | None, settings: Settings) -> str:
    """Return why nobody seems to work on the queue, empty if somebody polls it."""
    limit = timedelta(minutes=settings.silence_minutes)
    if since_poll is None:
        return (
            f"Nobody has polled the queue with the work folder {str(settings.work_folder)!r}. Start "
            "a worker, or correct EVALBOARD_WORK."
        )
    if since_poll <= limit:
        return ""
    minutes = int(since_poll.total_seconds() // 60)
    return (
        f"Nobody has polled the queue for {minutes} minutes. The limit is {settings.silence_minutes} "
        "(EVALBOARD_SILENCE_MINUTES). Look for the worker, its Prefect server, and paused schedules."
    )
