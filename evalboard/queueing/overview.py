"""The queue with everything that is known about it now."""

from collections.abc import Callable
from datetime import datetime

from evalboard.board.queue import build_queue
from evalboard.lifecycle import order_pending
from evalboard.records.table import QueueEntry
from evalboard.settings import Settings
from evalboard.stores.opening import open_queue
from evalboard.workfolder import WorkFolder


def overview(
    settings: Settings, *, now: datetime, run_url: Callable[[str], str]
) -> list[QueueEntry]:
    """Return every request with position, progress and expected time, from store and work folder.

    Args:
        settings: Where they are.
        now: The current time: a request that pauses until later has no position.
        run_url: Gives the page of a run by its id; empty where there is none.

    Raises:
        StoreError: The requests store cannot be read.
    """
    work = WorkFolder(settings.work_folder)
    entries = open_queue(settings).entries()
    pending = order_pending(((e.path, e.record) for e in entries if e.record is not None), now=now)
    return build_queue(
        entries,
        {entry.path: work.progress(entry.path) for entry in entries},
        pending=[path for path, _ in pending],
        run_url=run_url,
    )
