"""Waits: between tries, and those that the Hub asks for."""

import logging
import random
import threading
import time

from evalboard.wording import duration, plain

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
QUIET_SECONDS = 2.0
"""Length of a wait from which the log says what it is for."""
TOLD_EVERY_SECONDS = 60.0


class Patience:
    """Time for tries, in seconds. Requested waits do not count. The log says what takes long."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pause = FIRST_PAUSE_SECONDS
        self._tell_at = time.monotonic() + QUIET_SECONDS

    @property
    def is_over(self) -> bool:
        """Return whether the time for tries is used up."""
        return time.monotonic() >= self._deadline

    def pause(self, problem: str) -> None:
        """Wait with jitter after a try with a problem, and twice as long the next time."""
        left = duration(self._deadline - time.monotonic())
        self._tell(f"{problem} Trying again for up to {left}.")
        time.sleep(random.uniform(0.5, 1.5) * self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def grant(self, seconds: float, reason: str) -> None:
        """Wait for a requested time, which does not count."""
        self._tell(reason)
        began = time.monotonic()
        time.sleep(seconds)
        self._deadline += time.monotonic() - began

    def _tell(self, text: str) -> None:
        now = time.monotonic()
        if now >= self._tell_at:
            self._tell_at = now + TOLD_EVERY_SECONDS
            logger.warning("%s", plain(text))


class Throttle:
    """The time until which this process makes no calls, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before = 0.0

    def hold(self, seconds: float) -> None:
        """Make no calls for this time."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def wait_seconds(self) -> float:
        """Return the remaining wait in seconds."""
        return max(0.0, self._not_before - time.monotonic())
