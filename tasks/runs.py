"""Flow runs: their states in Prefect, how to stop one, and how one ends before its work is done."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import copy_context
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from uuid import UUID

import httpx
from prefect import get_client, get_run_logger
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.runtime import flow_run
from prefect.states import Cancelled, Cancelling, Crashed

from evalboard.attempt.handing_back import hand_back_all
from evalboard.errors import EvalboardError
from evalboard.machine import this_machine
from evalboard.queueing import presence
from evalboard.queueing.judging import RunState
from evalboard.services import handled_by
from evalboard.settings import Settings
from evalboard.wording import plain
from evalboard_prefect.tasks.settings import load_settings

RUNS_PER_PAGE = 200
"""Limit of runs in one answer of Prefect."""
STATES = {
    StateType.COMPLETED: RunState.DEAD,
    StateType.FAILED: RunState.DEAD,
    StateType.CRASHED: RunState.DEAD,
    StateType.CANCELLING: RunState.CANCELLED,
    StateType.CANCELLED: RunState.CANCELLED,
}
"""A run in another state is not at its end."""


def run_states(run_ids: Iterable[str]) -> dict[str, RunState]:
    """Return the state of every flow run that the server knows.

    Raises:
        EvalboardError: The server does not answer.
    """
    try:
        runs = _read_runs(run_ids)
    except (PrefectHTTPStatusError, httpx.TransportError) as exc:
        raise EvalboardError(
            f"Prefect cannot be asked for its runs: {exc}. Start its server, or unset "
            "PREFECT_API_URL to do without it."
        ) from exc
    return {
        str(run.id): STATES.get(run.state_type or StateType.PENDING, RunState.ALIVE) for run in runs
    }


def stop_run(run_id: str) -> None:
    """Stop a flow run: its worker kills it, which also ends its engines.

    Raises:
        EvalboardError: The server does not know the run, or does not answer.
    """
    known = _run_id(run_id)
    try:
        if known is None:
            raise ValueError(f"{run_id!r} is not a run of a Prefect server")
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(known, Cancelling())
    except (ObjectNotFound, PrefectHTTPStatusError, OSError, ValueError) as exc:
        raise EvalboardError(
            f"Prefect could not stop run {run_id!r}: {exc}. The run checks its request every few "
            "seconds and will stop by itself."
        ) from exc


def end_dead_runs() -> None:
    """End the runs in Prefect whose processes are gone from this machine.

    Prefect learns from a run's worker that it has died. A worker that died with it says nothing:
    the run would stay Running, and keep its place in the limit of its deployment.
    """
    for run in _read_runs(presence.dead_runs(load_settings())):
        if run.state and not run.state.is_final():
            end = Cancelled if run.state.is_cancelling() else Crashed
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run.id, end(message="The process of the run is gone."))
            get_run_logger().warning("the process of run %s is gone", plain(run.name))


@contextmanager
def run_in_order(at_end: Callable[[], None] | None = None) -> Iterator[None]:
    """Mark the current flow run as alive, and hand back what it has claimed if it is ended.

    A worker ends a run with SIGTERM: because a person has cancelled it, or because the worker
    itself is stopped.

    Args:
        at_end: Called after the run was ended and has handed back its request. It ends the
            process: the worker tells Prefect of that. None for a run that claims nothing.
    """
    run_id, settings = str(flow_run.id), load_settings()

    ending = _at_sigterm(partial(_end, run_id, settings, at_end)) if at_end else nullcontext()
    with presence.marked(run_id, settings), ending:
        yield


def _end(run_id: str, settings: Settings, at_end: Callable[[], None]) -> None:
    _hand_back()
    presence.forget(run_id, settings)
    at_end()


@contextmanager
def _at_sigterm(end: Callable[[], None]) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C call a function, in a thread of its own, in this context.

    An exception, as Prefect raises it, is lost where this thread waits inside a library's C code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # the program around the flow handles its signals
        return
    ending: list[threading.Thread] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if not ending:
            # The log of the run is found by the context.
            thread = threading.Thread(target=copy_context().run, args=(end,), name="ending")
            ending.append(thread)
            thread.start()

    with handled_by(handle):
        try:
            yield
        finally:
            for thread in ending:
                thread.join()


def _hand_back() -> None:
    why = f"its process on {this_machine().host} was ended"
    log = get_run_logger()
    for done in hand_back_all(why, now=datetime.now(UTC), is_cancelled=_is_cancelled):
        if done.problem:
            log.error("%s is not handed back: %s", plain(done.path), plain(done.problem))
        elif done.status:
            log.warning("%s is %s: %s", plain(done.path), done.status, why)


def _is_cancelled(run_id: str) -> bool:
    """Return whether a person has cancelled a run. A server that has ended too cannot tell."""
    try:
        return run_states([run_id]).get(run_id) is RunState.CANCELLED
    except EvalboardError:
        return False


def _read_runs(run_ids: Iterable[str]) -> list[FlowRun]:
    """Return every flow run that the server knows."""
    ids = [found for found in map(_run_id, run_ids) if found]
    runs: list[FlowRun] = []
    with get_client(sync_client=True) as client:
        for start in range(0, len(ids), RUNS_PER_PAGE):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + RUNS_PER_PAGE]))
            runs += client.read_flow_runs(flow_run_filter=wanted, limit=RUNS_PER_PAGE)
    return runs


def _run_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
