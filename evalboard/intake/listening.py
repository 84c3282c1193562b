"""Ring the bell for changes that nobody else tells of: request files of other programs, lost runs.

It runs beside a worker, and each look is a sign of life of its machine. A look at a folder costs 8 ms of the processor for a thousand requests.
"""

import socket
import time
from datetime import UTC, datetime

from evalboard.containing import contained
from evalboard.intake.polling import has_work
from evalboard.queueing import presence
from evalboard.queueing.bell import Call, ring
from evalboard.settings import Settings
from evalboard.stores.addresses import is_hosted, open_store
from evalboard.stores.work import WorkFolder

LOOK_SECONDS = 5
HOSTED_LOOK_SECONDS = 30
"""The same for a store on the Hub, which limits calls."""


class Listener:
    """What was last seen of the queue and of the runs on this machine."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._revision = ""
        self._lost: set[str] = set()

    def look(self) -> list[Call]:
        """Ring for what is new, and return for what.

        Raises:
            EvalboardError: The queue cannot be read.
        """
        WorkFolder(self._settings.work_folder).note_worker(socket.gethostname())
        calls: list[Call] = []
        lost = set(presence.dead_runs(self._settings))
        if lost - self._lost:
            calls.append(Call.LOST)
        self._lost = lost
        if self._has_new_work():
            calls.append(Call.WAITING)
        for call in calls:
            ring(self._settings, call)
        return calls

    def _has_new_work(self) -> bool:
        store = open_store(self._settings.store_address("requests"), self._settings)
        before, self._revision = self._revision, ""  # until the queue could be read
        revision = store.snapshot().revision
        is_due = revision != before and has_work(self._settings, now=datetime.now(UTC))
        self._revision = revision
        return is_due


def listen(settings: Settings) -> None:
    """Look from time to time, for ever. A failure concerns one look only."""
    listener = Listener(settings)
    hosted = is_hosted(settings.store_address("requests"))
    while True:
        contained(listener.look, "A look at the queue")
        time.sleep(HOSTED_LOOK_SECONDS if hosted else LOOK_SECONDS)
