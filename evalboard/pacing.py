"""Do something at most so often, over all processes that share a folder."""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path


class Pace:
    """The pace of one kind of work.

    Args:
        folder: Shared by everybody who does that work.
        name: Of the work.
        seconds: At least so much time lies between two times.
    """

    def __init__(self, folder: Path, name: str, seconds: float) -> None:
        self._stamp = folder / f"{name}.last"
        self._lock = folder / f"{name}.waiting"
        self._seconds = seconds

    def when_due(self, work: Callable[[], bool]) -> bool:
        """Do the work when its time has come; return what it returns, or False before that."""
        if self._seconds_left() > 0:
            return False
        self._note()
        return work()

    def in_turn(self, work: Callable[[], bool]) -> bool:
        """Wait until the time has come, and do the work.

        Returns:
            What the work returns. False at once where somebody waits already: that one's work
            begins later than this call, and so covers it.
        """
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            time.sleep(self._seconds_left())
            self._note()
        return work()

    def _seconds_left(self) -> float:
        try:
            age = time.time() - self._stamp.stat().st_mtime
        except FileNotFoundError:
            return 0.0
        # A clock that was set back must not stop the work for as long.
        return min(self._seconds, max(0.0, self._seconds - age))

    def _note(self) -> None:
        self._stamp.parent.mkdir(parents=True, exist_ok=True)
        self._stamp.touch()
