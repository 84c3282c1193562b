"""Estimates of how long requests still take, from the queue alone. Pure."""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean

from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.request import RequestRecord, Status
from evalboard.records.times import parse_time

MAX_REQUESTS_AVERAGED = 20
"""The latest finished requests, from which the time of one is estimated."""


def mean_duration(records: Iterable[RequestRecord]) -> float | None:
    """Return the mean seconds from claim to end of the latest finished requests, None for none."""
    ends: list[tuple[str, float]] = []
    for record in records:
        block = record.evalboard
        if record.status is not Status.FINISHED or not block.history:
            continue
        start, end = parse_time(block.claimed_time), parse_time(block.history[-1].time)
        if start and end and end >= start:
            ends.append((block.history[-1].time, (end - start).total_seconds()))
    latest = sorted(ends)[-MAX_REQUESTS_AVERAGED:]
    return fmean(seconds for _, seconds in latest) if latest else None


def seconds_until_done(position: int, *, running: int, duration: float | None) -> float | None:
    """Return the seconds until a pending request is finished, None while no duration is known.

    Args:
        position: Its place among the pending, from 1.
        running: Number of requests that run at the same time. 0 counts as 1.
        duration: Mean duration of a request in seconds.
    """
    return None if duration is None else math.ceil(position / max(1, running)) * duration


def seconds_left(benchmarks: Mapping[str, BenchmarkProgress]) -> float | None:
    """Return the seconds until all benchmarks of a running request are done, None while unknown.

    The estimate divides the remaining questions by the current speed.
    """
    unfinished = [p for p in benchmarks.values() if p.state in ("waiting", "running")]
    speed = sum(p.per_second for p in unfinished if p.state == "running")
    if not benchmarks or any(p.total <= 0 for p in unfinished):
        return None
    left = sum(max(0, p.total - p.done) for p in unfinished)
    if left == 0:
        return 0.0
    return left / speed if speed > 0 else None
