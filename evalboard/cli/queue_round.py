"""One round through the queue: poll and evaluate in this process until nothing more may be started."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from typing import Any, NamedTuple

from evalboard.cli.progress_display import ProgressDisplay
from evalboard.cli.reporting import say_nothing
from evalboard.collecting import importing
from evalboard.engine.placing import placement
from evalboard.intake.polling import Startable, ready
from evalboard.queueing.claims import server_name
from evalboard.queueing.reconcile import Correction
from evalboard.records.request import Claim, Status
from evalboard.services import keep_handlers
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import QueuedRequest

PAUSE_SECONDS = 60
"""Time after which an empty queue, or a free place, is looked at again."""
START_SECONDS = 10.0
"""Time in which an evaluation comes to its first answer. The processors are left to it."""


class RequestEnd(NamedTuple):
    """One request that this process worked on."""

    path: str
    status: Status


def work(
    settings: Settings,
    *,
    at_most: int | None = None,
    await_server: Callable[[], None] = lambda: None,
    on_unclear: Callable[[list[Correction]], None] = lambda _: None,
    tell: Callable[[str], object] = say_nothing,
) -> list[RequestEnd]:
    """Poll and evaluate until nothing more may be started, and return what was worked on.

    The flows are the deployed ones. They are called here instead of being started by a worker. A
    free engine slot takes the next request at once: that one is checked while others are evaluated,
    and the board is built in another thread.

    Args:
        settings: The settings.
        at_most: Limit of evaluations.
        await_server: Function that waits for the Prefect server.
        on_unclear: Called with the RUNNING requests of which nobody can say whether their runs
            are alive.
        tell: Function that gets what is begun and ended, as it happens.

    Raises:
        StoreRefused: A store takes no changes from this installation.
    """
    tried: list[str] = []
    running: set[Future[None]] = set()
    slots, uses_ray = placement.running_limit(settings), placement.uses_ray(settings)
    with (
        ProgressDisplay(settings) as display,
        ThreadPoolExecutor(max_workers=1) as builder,
        ThreadPoolExecutor(max_workers=slots) as threads,
    ):
        connecting = threads.submit(placement.connect, settings) if uses_ray else None
        tell(f"Starting {'Ray and ' if uses_ray else ''}the Prefect server …")
        with importing():  # for a second, while the server and Ray start
            from evalboard_prefect.flows.board_flow import build_board
            from evalboard_prefect.flows.poll_flow import poll_requests
            from evalboard_prefect.flows.reconcile_flow import reconcile

        board = _Board(build_board, builder)
        await_server()
        if connecting:
            connecting.result()
        keep_handlers()
        on_unclear(reconcile().unclear)
        while True:
            left = slots if at_most is None else at_most - len(tried)
            free = min(slots - len(running), left)
            fresh = ready(settings, at_most=free, skip=tried, now=datetime.now(UTC))
            if fresh is None:
                fresh = poll_requests(start_runs=False, at_most=free, skip=tuple(tried))
            for one in fresh:
                tried.append(one.path)
                running.add(threads.submit(_evaluate, one, display=display, tell=tell))
            if not running:
                break
            pause = PAUSE_SECONDS if len(fresh) < free else None
            ended, running = wait(running, START_SECONDS, return_when=FIRST_COMPLETED)
            if not ended:
                board.rebuild_if_due()
                ahead = slots if at_most is None else min(slots, at_most - len(tried))
                poll_requests(start_runs=False, at_most=0, skip=tuple(tried), ahead=ahead)
                ended, running = wait(running, pause, return_when=FIRST_COMPLETED)
            for one in ended:
                one.result()
            board.is_due |= bool(ended)
        tell("Writing the board …")
        board.rebuild()
        board.wait()
    return _ended(tried, settings)


class _Board:
    """The board, which one thread builds whenever its rows may have changed."""

    def __init__(self, build: Callable[[], object], threads: ThreadPoolExecutor) -> None:
        self._build = build
        self._threads = threads
        self._builds: list[Future[object]] = []
        self.is_due = False
        """Whether rows may have changed since the last call."""

    def rebuild_if_due(self) -> None:
        """Build the board soon if its rows may have changed."""
        if self.is_due:
            self.rebuild()

    def rebuild(self) -> None:
        """Build the board soon, once for all calls while an earlier build goes on."""
        self.is_due = False
        if not self._builds or self._builds[-1].running() or self._builds[-1].done():
            self._builds.append(self._threads.submit(self._build))

    def wait(self) -> None:
        """Wait for all builds, and raise what ended one of them."""
        for build in self._builds:
            build.result()


def _evaluate(
    startable: Startable, *, display: ProgressDisplay, tell: Callable[[str], object]
) -> None:
    """Run the flow of one request. Its outcome is in the request and in Prefect."""
    from evalboard_prefect.flows.evaluate_flow import evaluate_only

    run: Any = evaluate_only  # a flow takes `return_state` besides its function's parameters
    tell(f"Evaluating {startable.path} …")
    with display.watch(startable.path, startable.request.model):
        state = run(startable.request, return_state=True)
    tell(f"{state.name}: {startable.path}")


def _ended(tried: list[str], settings: Settings) -> list[RequestEnd]:
    """Return the requests that this process has claimed, as they are now.

    Another machine may have been faster. A file that has become unreadable meanwhile is shown as
    rejected, as on the queue's page.
    """
    server = server_name(settings)
    entries = {entry.path: entry for entry in open_own_queue(settings).entries()}
    claims = {path: claim for path, entry in entries.items() if (claim := _claim(entry))}
    runs = {claims[path].run_id for path in tried if path in claims}
    further = [path for path, claim in claims.items() if claim.run_id in runs and path not in tried]
    ends: list[RequestEnd] = []
    for path in [*tried, *further]:
        record = entries[path].record if path in entries else None
        if record is None:
            ends.append(RequestEnd(path, Status.REJECTED))
        elif path in claims and claims[path].server == server:
            ends.append(RequestEnd(path, record.status))
    return ends


def _claim(entry: QueuedRequest) -> Claim | None:
    return entry.record.evalboard.claimed_by if entry.record else None
