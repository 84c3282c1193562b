"""A watch over the claim of a run while it works.

A person can cancel a request at any time, and a reconciliation can give it to another run. The
store decides, whatever Prefect reports about the run. A lost claim ends the engines, which frees
their GPUs. Each check is also a sign of life of the run's machine.
"""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from evalboard.attempt.model import Attempt
from evalboard.attempt.running import abandon
from evalboard.errors import ClaimLost, EvalboardError
from evalboard.lifecycle import is_claimed_by
from evalboard.records.request import RequestRecord
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.work import WorkFolder

logger = logging.getLogger(__name__)

WATCH_SECONDS = 10.0
"""Interval between checks. Each is one call to a hosted store."""


@contextmanager
def watched_claim(attempt: Attempt, *, every_seconds: float = WATCH_SECONDS) -> Iterator[None]:
    """Work in this context, and end the attempt's engines if its request is taken away.

    In this context every wait for an engine then raises `ClaimLost`. A run without the queue has no
    claim to lose.
    """
    path = attempt.request_path
    if path is None:
        yield
        return
    ended = threading.Event()
    watch = threading.Thread(
        target=_watch, args=(attempt, path, every_seconds, ended), name="claim", daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def _watch(attempt: Attempt, path: str, every_seconds: float, ended: threading.Event) -> None:
    settings = attempt.engine.settings
    queue, work = open_own_queue(settings), WorkFolder(settings.work_folder)
    while not ended.wait(every_seconds):
        work.note_worker(socket.gethostname())
        try:
            entry = queue.entry(path)
        except EvalboardError as exc:  # an edit by hand may be put right
            logger.warning(
                "This run cannot check whether its request was cancelled: %s", exc.message
            )
            continue
        record = entry.record
        if record is not None and not is_claimed_by(record, attempt.run_id):
            abandon(attempt, ClaimLost(_what_happened(record, is_signed=entry.is_signed)))
            return


def _what_happened(record: RequestRecord, *, is_signed: bool) -> str:
    if not is_signed:
        return (
            f"Another program has changed the request for {record.model!r}, so its claim no longer "
            "counts. This run has stopped."
        )
    history = record.evalboard.history
    reason = f" ({history[-1].reason})" if history and history[-1].reason else ""
    return f"The request for {record.model!r} is now {record.status}{reason}. This run has stopped."
