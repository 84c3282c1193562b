"""Note how far a benchmark is, for those who wait for it."""

import time

from evalboard.records.board_files import BenchmarkProgress
from evalboard.stores.work import WorkFolder


class ProgressNotes:
    """Writes the notes of one benchmark into the work folder.

    Args:
        work: The work folder.
        request: Name under which progress is noted.
        benchmark: Key in the suite.
    """

    def __init__(self, work: WorkFolder, request: str, benchmark: str) -> None:
        self._work = work
        self._request = request
        self._benchmark = benchmark
        self._start: tuple[float, int] | None = None

    def note(self, done: int, total: int) -> None:
        """Note how many questions are answered, of how many.

        The rate counts from the first note: what was answered by an earlier run took no time.
        """
        now = time.monotonic()
        began, known = self._start = self._start or (now, done)
        progress = pace(done, total, known=known, seconds=now - began)
        self._work.note_progress(self._request, self._benchmark, progress)


def pace(done: int, total: int, *, known: int, seconds: float) -> BenchmarkProgress:
    """Return how far a benchmark is, how fast it goes and how long it will still take.

    Args:
        done: Questions answered.
        total: Questions in all.
        known: Of those answered, how many already were at the start.
        seconds: Since the start.
    """
    rate = (done - known) / seconds if seconds > 0 else 0.0
    return BenchmarkProgress(
        state="running",
        done=done,
        total=total,
        per_second=rate,
        seconds_left=(total - done) / rate if rate > 0 else None,
    )
