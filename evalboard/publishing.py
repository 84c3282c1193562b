"""Write the board store from the requests and results stores."""

from datetime import datetime

from evalboard.board.queue import build_queue, queue_file
from evalboard.board.table import board_files, build_board
from evalboard.lifecycle import order_pending
from evalboard.records.table import QUEUE_FILE
from evalboard.settings import Settings
from evalboard.stores.board import publish_file, publish_table
from evalboard.stores.opening import open_store
from evalboard.stores.requests import RequestQueue
from evalboard.stores.results import ResultsArchive
from evalboard.suites.loader import load_suite
from evalboard.workfolder import WorkFolder


def publish_board(settings: Settings, *, now: datetime) -> bool:
    """Build the table from all results and write it when it changed; return whether it did."""
    suite = load_suite(settings.suite)
    archive = ResultsArchive(open_store(settings.store_address("results")))

    def build() -> dict[str, bytes]:
        results = archive.read()
        documents = [d for d in results.documents if d.evalboard.suite == suite.name]
        return dict(board_files(build_board(documents, suite, revision=results.revision, now=now)))

    return publish_table(open_store(settings.store_address("board")), build)


def publish_queue(settings: Settings) -> bool:
    """Write `queue.json` from all requests when it changed; return whether it did."""
    queue = RequestQueue(open_store(settings.store_address("requests")))
    work = WorkFolder(settings.work_folder)

    def build() -> bytes:
        entries = queue.entries()
        pending = order_pending((e.path, e.record) for e in entries if e.record is not None)
        progress = {entry.path: work.progress(entry.path) for entry in entries}
        return queue_file(
            build_queue(
                entries,
                progress,
                pending=[path for path, _ in pending],
                run_url=lambda run_id: run_page(settings, run_id),
            )
        )

    return publish_file(open_store(settings.store_address("board")), QUEUE_FILE, build)


def run_page(settings: Settings, run_id: str) -> str:
    """Return the page of a flow run in the Prefect UI, empty where no server is set."""
    if not settings.prefect_api_url:
        return ""
    return f"{settings.prefect_api_url.removesuffix('/api')}/runs/flow-run/{run_id}"
