"""The pace of commits, so that an hour's commits stay within a limit.

The first half of the limit is available at once. After that the pause between two commits grows
with use, up to twice the mean. A machine that never rests settles at four fifths of the limit and
always has some commits left. Changes that wait meanwhile become one commit.
"""

import time
from pathlib import Path
from typing import Any

from evalboard.files import read_state, write_state
from evalboard.stores.hub.files import seconds

HOUR = 3600.0


def pause_seconds(made: list[float], now: float, per_hour: int) -> float:
    """Return the wait before the next commit in seconds.

    Args:
        made: Times of the last hour's commits, in seconds, the oldest first.
        now: Time on the same clock.
        per_hour: Limit of commits in any hour.
    """
    if not made:
        return 0.0
    used = len(made) / per_hour
    if used >= 1:
        return max(0.0, made[-per_hour] + HOUR - now)
    spacing = 2 * HOUR / per_hour * max(0.0, 2 * used - 1)
    return max(0.0, made[-1] + spacing - now)


class CommitBudget:
    """The commits of one store in the last hour, in a file that all processes of a machine share.

    The process that holds the outbox writes it.
    """

    def __init__(self, path: Path, per_hour: int) -> None:
        self._path = path
        self._per_hour = per_hour

    def wait_seconds(self) -> float:
        """Return the wait before the next commit in seconds."""
        now = time.time()
        made, not_before = self._read(now)
        return max(pause_seconds(made, now, self._per_hour), not_before - now, 0.0)

    def spend(self) -> None:
        """Record one commit."""
        now = time.time()
        made, not_before = self._read(now)
        write_state(self._path, {"made": [*made, now], "not_before": not_before})

    def hold(self, seconds: float) -> None:
        """Block all commits for a time that the Hub asked for."""
        now = time.time()
        made, not_before = self._read(now)
        write_state(self._path, {"made": made, "not_before": max(not_before, now + seconds)})

    def _read(self, now: float) -> tuple[list[float], float]:
        """Return the last hour's commits and the time set by the Hub. A damaged file gives none.

        Times in the future count as now: the clock was set back.
        """
        times, not_before = read_state(self._path, _times) or ([], 0.0)
        return [min(at, now) for at in times if at > now - HOUR], min(not_before, now + HOUR)


def _times(document: dict[str, Any]) -> tuple[list[float], float]:
    return [seconds(at) for at in document["made"]], seconds(document["not_before"])
