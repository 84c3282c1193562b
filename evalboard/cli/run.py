"""`evalboard run`: poll, evaluate and rebuild in this process, without a separate server."""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from evalboard.cli.embedding import embedded
from evalboard.cli.progress_display import ProgressDisplay
from evalboard.cli.reporting import say
from evalboard.engine.placing import cluster
from evalboard.errors import MachineUnfit
from evalboard.intake.polling import CheckedRequest
from evalboard.queueing.machine import why_unfit
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue

PAUSE_SECONDS = 60


class RequestEnd(NamedTuple):
    """One request that this process worked on."""

    path: str
    status: Status


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument("--once", action="store_true", help="stop when the queue is empty")
    parser.add_argument("--limit-requests", type=int, help="stop after this many evaluations")
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Evaluate the queue. Return 1 if a request failed.

    Raises:
        MachineUnfit: This machine cannot run engines.
    """
    _require_fit(settings)
    failed = False
    left = arguments.limit_requests
    with embedded(settings) as await_server:
        while True:
            ended = work(settings, at_most=left, await_server=await_server)
            for path, status in ended:
                say(f"{status}: {path}")
            _require_fit(settings)
            failed = failed or any(status is Status.FAILED for _, status in ended)
            left = None if left is None else left - len(ended)
            if arguments.once or left == 0:
                return int(failed)
            time.sleep(PAUSE_SECONDS)


def _require_fit(settings: Settings) -> None:
    if why := why_unfit(settings):
        raise MachineUnfit(why)


def work(
    settings: Settings,
    *,
    at_most: int | None = None,
    await_server: Callable[[], None] = lambda: None,
) -> list[RequestEnd]:
    """Poll and evaluate until nothing more may be started, and return what was worked on.

    The flows are the deployed ones. They are called here instead of being started by a worker, one
    at a time per engine slot.

    Args:
        settings: The settings.
        at_most: Limit of evaluations.
        await_server: Function that waits for the Prefect server.
    """
    from flows.board_flow import build_board
    from flows.poll_flow import poll_requests
    from flows.reconcile_flow import reconcile

    tried: list[str] = []
    slots = settings.max_running or cluster.slot_count(settings)
    with (
        ProgressDisplay(settings) as display,
        ThreadPoolExecutor(max_workers=slots) as threads,
    ):
        threads.submit(cluster.connect, settings)  # meanwhile, Prefect's server starts
        await_server()
        reconcile()
        while at_most is None or len(tried) < at_most:
            fresh = poll_requests(
                start_runs=False,
                at_most=None if at_most is None else at_most - len(tried),
                skip=tuple(tried),
            )
            if not fresh:
                break
            tried += [checked.path for checked in fresh]
            list(threads.map(partial(_evaluate, display=display), fresh))
    build_board()
    statuses = {e.path: e.record.status for e in open_own_queue(settings).entries() if e.record}
    # A file that has become unreadable meanwhile is shown as rejected, as on the queue's page.
    return [RequestEnd(path, statuses.get(path, Status.REJECTED)) for path in tried]


def _evaluate(checked: CheckedRequest, *, display: ProgressDisplay) -> None:
    """Run the flow of one request. Its outcome is in the request and in Prefect."""
    assert checked.request is not None
    from flows.evaluate_flow import evaluate_model

    run: Any = evaluate_model  # a flow takes `return_state` besides its function's parameters
    with display.watch(checked.path, checked.request.model):
        run(checked.request, return_state=True)
