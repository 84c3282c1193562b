"""Progress of a benchmark, recorded for the waiting processes."""

import time

from evalboard.records.board_files import BenchmarkProgress
from evalboard.stores.work import WorkFolder


class ProgressNotes:
    """Writes the progress of one benchmark into the work folder.

    Args:
        work: The work folder.
        request: Name under which progress is recorded.
        benchmark: Key in the suite.
    """

    def __init__(self, work: WorkFolder, request: str, benchmark: str) -> None:
        self._work = work
        self._request = request
        self._benchmark = benchmark
        self._start: tuple[float, int] | None = None

    def note(self, done: int, total: int) -> None:
        """Record the number of answered questions and their total.

        The rate counts from the first call, because the answers of an earlier run took no time.
        """
        now = time.monotonic()
        began, known = self._start = self._start or (now, done)
        progress = pace(done, total, known=known, seconds=now - began)
        self._work.note_progress(self._request, self._benchmark, progress)


def pace(done: int, total: int, *, known: int, seconds: float) -> BenchmarkProgress:
    """Return the progress, the speed and the remaining time of a benchmark.

    Args:
        done: Number of answered questions.
        total: Total number of questions.
        known: Number of questions that were already answered at the start.
        seconds: Time since the start.
    """
    rate = (done - known) / seconds if seconds > 0 else 0.0
    return BenchmarkProgress(
        state="running",
        done=done,
        total=total,
        per_second=rate,
        seconds_left=(total - done) / rate if rate > 0 else None,
    )
