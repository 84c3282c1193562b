"""The overview of the queue: positions, progress and expected times."""

from collections.abc import Callable
from datetime import datetime, timedelta

from evalboard.board.queue import build_queue
from evalboard.lifecycle import order_pending
from evalboard.records.board_files import QueueEntry
from evalboard.records.request import Status
from evalboard.records.times import parse_time
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import QueuedRequest
from evalboard.stores.work import WorkFolder

PROGRESS_SHOWN_FOR = timedelta(days=1)
"""Time for which a finished request shows its progress."""


def overview(
    settings: Settings, *, now: datetime, run_url: Callable[[str], str]
) -> list[QueueEntry]:
    """Return every request with position, progress and expected time, from store and work folder.

    The progress of requests that finished long ago is omitted: there may be thousands.

    Args:
        settings: The settings.
        now: The current time. A request in a pause has no position.
        run_url: Returns the page of a run by its id, empty if there is none.

    Raises:
        StoreError: The requests store cannot be read.
    """
    work = WorkFolder(settings.work_folder)
    entries = open_queue(settings).entries()
    counted = ((e.path, e.record) for e in entries if e.record is not None and e.counts)
    pending = order_pending(counted, now=now)
    return build_queue(
        [(e.path, e.record, e.problem) for e in entries],
        {e.path: work.progress(e.path) for e in entries if _has_news(e, now)},
        pending=[path for path, _ in pending],
        run_url=run_url,
    )


def _has_news(entry: QueuedRequest, now: datetime) -> bool:
    """Return whether to read the progress of a request."""
    record = entry.record
    if record is None or not entry.is_signed:
        return False
    history = record.evalboard.history
    if record.status is Status.PENDING:
        return record.evalboard.attempts > 0
    if record.status is not Status.FINISHED:
        return True
    ended = parse_time(history[-1].time) if history else None
    return ended is not None and ended > now - PROGRESS_SHOWN_FOR
