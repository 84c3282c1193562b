"""Ring the bell for changes that nobody else tells of: request files of other programs, lost runs.

It runs beside a worker, and each look is a sign of life of its machine. A look at a folder costs 8 ms of the
processor for a thousand requests.

A server that is busy, or is just being started, misses a call. What still waits after a minute is
therefore told again.
"""

import socket
import time
from datetime import UTC, datetime, timedelta

from evalboard.containing import contained
from evalboard.intake.polling import has_work
from evalboard.queueing import presence
from evalboard.queueing.bell import Call, ring
from evalboard.queueing.reconcile import lost_runs
from evalboard.settings import Settings
from evalboard.stores.addresses import is_hosted, open_store
from evalboard.stores.work import WorkFolder

LOOK_SECONDS = 5
HOSTED_LOOK_SECONDS = 30
"""The same for a store on the Hub, which limits calls."""
AGAIN = timedelta(minutes=1)
"""After this time the same is told again, then after twice as long, and so on."""
LONGEST = timedelta(minutes=15)
"""The polls of a paused pool must not pile up: this is the interval of their schedule."""


class Listener:
    """What was told of the queue and of the runs on this machine, and when it is told again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._revision = ""
        self._lost: set[str] = set()
        self._due: datetime | None = None
        self._pause = AGAIN

    def look(self, *, now: datetime) -> list[Call]:
        """Ring for what is new, or still waits after a while, and return for what.

        Args:
            now: The current time.

        Raises:
            EvalboardError: The queue cannot be read.
        """
        WorkFolder(self._settings.work_folder).note_worker(socket.gethostname())
        is_again = self._due is not None and now >= self._due
        if is_again:
            self._revision, self._lost = "", set()
        calls = self._find_calls(now)
        for call in calls:
            ring(self._settings, call)
        if calls or is_again or self._due is None:
            self._pause = min(2 * self._pause, LONGEST) if calls and is_again else AGAIN
            self._due = now + self._pause
        return calls

    def _find_calls(self, now: datetime) -> list[Call]:
        """Return what has not been told yet."""
        lost = set(presence.dead_runs(self._settings))
        before, self._revision = self._revision, ""  # until the queue could be read
        store = open_store(self._settings.store_address("requests"), self._settings)
        revision = store.snapshot().revision
        if revision != before:
            lost |= set(lost_runs(self._settings))
        calls = [Call.LOST] if lost - self._lost else []
        if revision != before and has_work(self._settings, now=now):
            calls.append(Call.WAITING)
        self._revision, self._lost = revision, lost
        return calls


def listen(settings: Settings) -> None:
    """Look from time to time, for ever. A failure concerns one look only."""
    listener = Listener(settings)
    hosted = is_hosted(settings.store_address("requests"))
    while True:
        contained(lambda: listener.look(now=datetime.now(UTC)), "A look at the queue")
        time.sleep(HOSTED_LOOK_SECONDS if hosted else LOOK_SECONDS)
