"""Write the board store from the requests and results stores.

A hosted store takes few commits, so there the table and the queue are written at most once a
minute, however many runs of this machine ask for it.
"""

import logging
from datetime import UTC, datetime
from functools import partial

from evalboard.board.queue import queue_file
from evalboard.board.table import board_files, build_board
from evalboard.errors import StoreError
from evalboard.pacing import Pace
from evalboard.queueing.overview import overview
from evalboard.records.table import QUEUE_FILE
from evalboard.settings import Settings
from evalboard.stores.board import publish_file, publish_table
from evalboard.stores.opening import is_hosted, open_archive, open_board
from evalboard.suites.loader import load_suite

logger = logging.getLogger(__name__)

HOSTED_SECONDS = 60.0
"""Between two commits of the same file to a hosted store."""


def publish_board(settings: Settings, *, now: datetime) -> bool:
    """Build the table from all results and write it when it changed; return whether it did.

    On a hosted store this waits for its turn, or leaves it to whoever waits already.
    """
    suite = load_suite(settings.suite)
    archive = open_archive(settings)

    def build() -> dict[str, bytes]:
        results = archive.read()
        documents = [d for d in results.documents if d.evalboard.suite == suite.name]
        return dict(board_files(build_board(documents, suite, revision=results.revision, now=now)))

    def publish() -> bool:
        return publish_table(open_board(settings), build)

    return (
        _pace(settings, "board").in_turn(publish)
        if is_hosted(settings.store_address("board"))
        else publish()
    )


def publish_queue(settings: Settings, *, wait: bool = False) -> bool:
    """Write `queue.json` from all requests when it changed; return whether it did.

    Args:
        settings: Where the stores are.
        wait: On a hosted store, wait for its turn. Otherwise a call that comes too early does
            nothing: the next one takes its news along.
    """

    def build() -> bytes:
        now = datetime.now(UTC)
        return queue_file(overview(settings, now=now, run_url=partial(run_page, settings)))

    def publish() -> bool:
        return publish_file(open_board(settings), QUEUE_FILE, build)

    if not is_hosted(settings.store_address("board")):
        return publish()
    pace = _pace(settings, "queue")
    return pace.in_turn(publish) if wait else pace.when_due(publish)


def announce_queue(settings: Settings) -> None:
    """Write `queue.json` where the board store can be had; no run fails because it cannot.

    Whoever writes it next takes this news along.
    """
    try:
        publish_queue(settings)
    except StoreError as exc:
        logger.warning("The queue is not shown as it is now: %s", exc)


def run_page(settings: Settings, run_id: str) -> str:
    """Return the page of a flow run in the Prefect UI, empty where no server is set."""
    if not settings.prefect_api_url:
        return ""
    return f"{settings.prefect_api_url.removesuffix('/api')}/runs/flow-run/{run_id}"


def _pace(settings: Settings, name: str) -> Pace:
    return Pace(settings.work_folder / "pace", name, HOSTED_SECONDS)
