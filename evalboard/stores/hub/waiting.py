"""How long to wait: between tries, and for what the Hub asks."""

import random
import threading
import time

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0


class Patience:
    """Time for tries, in seconds. Waits that somebody asked for do not count."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pause = FIRST_PAUSE_SECONDS

    @property
    def is_over(self) -> bool:
        """Whether no further try should be made."""
        return time.monotonic() >= self._deadline

    def pause(self) -> None:
        """Wait with jitter, and twice as long at the next time."""
        time.sleep(random.uniform(0.5, 1.5) * self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)

    def grant(self, seconds: float) -> None:
        """Wait so long, which does not count."""
        began = time.monotonic()
        time.sleep(seconds)
        self._deadline += time.monotonic() - began


class Throttle:
    """The moment before which this process asks nothing more, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._not_before = 0.0

    def hold(self, seconds: float) -> None:
        """Ask nothing for so long."""
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def wait_seconds(self) -> float:
        """Return how long to wait now."""
        return max(0.0, self._not_before - time.monotonic())
