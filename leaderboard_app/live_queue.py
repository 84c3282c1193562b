"""The published queue with what this viewer has submitted since, so that a submitter finds it at once.

The pipeline publishes the queue of a hosted store, at most once a minute, and perhaps on a machine that
does not run now.
"""

from collections.abc import Sequence
from threading import Lock

from cachetools import TTLCache

from evalboard.board.queue import build_queue
from evalboard.intake.submission import Submitted
from evalboard.records.board_files import QueueEntry
from evalboard.suites.boards import SuiteBoard
from leaderboard_app.board_data import Follower, Queue, titled_queue

MOST_SENT = 1000
SENT_SECONDS = 24 * 60 * 60.0
"""A submission that is not published within this time was taken away by the operators."""


class LiveQueue:
    """The queue that readers see. Thread-safe.

    Args:
        published: The queue in the board store.
        boards: All boards of the installation.
    """

    def __init__(self, published: Follower[Queue], boards: Sequence[SuiteBoard]) -> None:
        self._published = published
        self._boards = boards
        self._sent: TTLCache[str, QueueEntry] = TTLCache(MOST_SENT, SENT_SECONDS)
        self._lock = Lock()
        self._last: tuple[str, list[QueueEntry], Queue] | None = None

    def add(self, submitted: Submitted) -> None:
        """Show new requests until the published queue has them."""
        requests = zip(submitted.request_paths, submitted.records, strict=True)
        entries = build_queue(
            [(path, record, "") for path, record in requests],
            progress={},
            pending=(),
            run_url=lambda _: "",
        )
        with self._lock:
            self._sent.update({entry.request: entry for entry in entries})

    def current(self) -> Queue:
        """Return the queue. New requests come last.

        Raises:
            BoardUnreadable: As `Follower.current`.
        """
        published = self._published.current()
        with self._lock:
            sent = self._forget_published(published)
            return self._joined(published, sent) if sent else published

    def _forget_published(self, published: Queue) -> list[QueueEntry]:
        """Return the new requests that are not published. One that replaces another has its path."""
        if not self._sent:
            return []
        known = {entry.request: entry.submitted_time for entry in published.entries}
        for entry in list(self._sent.values()):
            if known.get(entry.request, "") >= entry.submitted_time:
                del self._sent[entry.request]
        return list(self._sent.values())

    def _joined(self, published: Queue, sent: list[QueueEntry]) -> Queue:
        etag = published.document.etag
        if self._last is None or self._last[:2] != (etag, sent):
            replaced = {entry.request for entry in sent}
            others = [entry for entry in published.entries if entry.request not in replaced]
            self._last = (etag, sent, titled_queue((*others, *sent), self._boards))
        return self._last[2]
