"""Waits: between tries, and those that the Hub asks for."""

import random
import threading
import time

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


class Patience:
    """Time for tries, in seconds. Requested waits do not count."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pause = FIRST_PAUSE_SECONDS

    @property
    def is_over(self) -> bool:
        """Return whether the time for tries is used up."""
        return time.monotonic() >= self._deadline

    def pause(self) -> None:
        """Wait with jitter, and twice as long the next time."""
        time.sleep(random.uniform(0.5, 1.5) * self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def grant(self, seconds: float) -> None:
        """Wait for a requested time, which does not count."""
        began = time.monotonic()
        time.sleep(seconds)
        self._deadline += time.monotonic() - began


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
