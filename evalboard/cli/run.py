"""`evalboard run`: poll, evaluate and rebuild in this process, without a separate server."""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any, NamedTuple

from evalboard.cli.embedding import embedded
from evalboard.cli.extras import require
from evalboard.cli.progress_display import ProgressDisplay
from evalboard.cli.reporting import say, say_at_once, say_nothing
from evalboard.engine.placing import cluster, forking, placement
from evalboard.errors import MachineUnfit
from evalboard.intake.polling import Startable, ready
from evalboard.intake.request_files import is_checked
from evalboard.queueing.claims import server_name
from evalboard.queueing.machine import examine_at_start, why_unfit
from evalboard.queueing.reconcile import Correction
from evalboard.records.request import Claim, Status
from evalboard.services import keep_handlers
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import QueuedRequest
from evalboard.validation import child

PAUSE_SECONDS = 60
START_SECONDS = 10.0
"""Time in which an evaluation comes to its first answer. The processors are left to it."""


class RequestEnd(NamedTuple):
    """One request that this process worked on."""

    path: str
    status: Status


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Evaluate the queue. Return 1 if a request failed, or if lost ones are all there is.

    Raises:
        MachineUnfit: This machine cannot run engines.
    """
    require("lm_eval", "prefect")
    _require_fit(examine_at_start(settings, tell=say_at_once))
    failed = False
    left = arguments.limit_requests
    unclear: list[Correction] = []

    def notice(found: list[Correction]) -> None:
        nonlocal unclear
        if found != unclear:
            _tell_of_unclear(found)
        unclear = found

    is_one_at_a_time = settings.max_running in (None, 1)
    with (
        placement.one_run_at_a_time() if is_one_at_a_time else nullcontext(),
        placement.forked_engines(settings),
        embedded(settings) as await_server,
    ):
        while True:
            ended = work(
                settings,
                at_most=left,
                await_server=await_server,
                on_unclear=notice,
                tell=say_at_once,
            )
            for path, status in ended:
                say(f"{status}: {path}")
            _require_fit(why_unfit(settings))
            failed = failed or any(status is Status.FAILED for _, status in ended)
            left = None if left is None else left - len(ended)
            if arguments.once or left == 0:
                return int(failed or (bool(unclear) and not ended))
            time.sleep(PAUSE_SECONDS)


def _tell_of_unclear(unclear: list[Correction]) -> None:
    for path, _, who in unclear:
        say(f"{path} is RUNNING: {who}. This machine cannot see that run.", is_error=True)
    if unclear:
        say(
            "If such a run is gone, free its request with `evalboard requeue PATH`. If it is alive, "
            "there is nothing to do.",
            is_error=True,
        )


def _require_fit(why_not: str) -> None:
    if why_not:
        raise MachineUnfit(why_not)


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
        importing = builder.submit(_import_if_needed, settings)
        # Prefect takes seconds to import, and the engine's libraries do so beside it.
        from evalboard_prefect.flows.board_flow import build_board
        from evalboard_prefect.flows.poll_flow import poll_requests
        from evalboard_prefect.flows.reconcile_flow import reconcile

        board = _Board(build_board, builder)
        connecting = threads.submit(cluster.connect, settings) if uses_ray else None
        tell(f"Starting {'Ray and ' if uses_ray else ''}the Prefect server …")
        await_server()
        if connecting:
            connecting.result()
        importing.result()
        keep_handlers()
        on_unclear(reconcile().unclear)
        while True:
            left = slots if at_most is None else at_most - len(tried)
            free = min(slots - len(running), left)
            fresh = ready(
                settings, at_most=free, skip=tried, now=datetime.now(UTC)
            ) or poll_requests(start_runs=False, at_most=free, skip=tuple(tried))
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


def _import_if_needed(settings: Settings) -> None:
    """Let the processes of engines and checks import their libraries if a request needs them."""
    checked = [
        entry.is_signed and is_checked(entry.record)
        for entry in open_own_queue(settings).entries()
        if entry.record and entry.record.status is Status.PENDING
    ]
    if checked:
        forking.import_ahead()
    if not all(checked):
        child.warm_up()


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
