"""States of flow runs in Prefect, and how to stop a run."""

from collections.abc import Iterable
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import StateType
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.states import Cancelling

from evalboard.errors import EvalboardError
from evalboard.queueing.judging import RunState

RUNS_PER_PAGE = 200
"""Limit of runs in one answer of Prefect."""
STATES = {
    StateType.COMPLETED: RunState.DEAD,
    StateType.FAILED: RunState.DEAD,
    StateType.CRASHED: RunState.DEAD,
    StateType.CANCELLED: RunState.CANCELLED,
}
"""All other states are not final."""


def run_states(run_ids: Iterable[str]) -> dict[str, RunState]:
    """Return the state of every flow run that the server knows."""
    ids = [found for found in map(_run_id, run_ids) if found]
    states: dict[str, RunState] = {}
    with get_client(sync_client=True) as client:
        for start in range(0, len(ids), RUNS_PER_PAGE):
            wanted = FlowRunFilter(id=FlowRunFilterId(any_=ids[start : start + RUNS_PER_PAGE]))
            for run in client.read_flow_runs(flow_run_filter=wanted, limit=RUNS_PER_PAGE):
                kind = run.state_type or StateType.PENDING
                states[str(run.id)] = STATES.get(kind, RunState.ALIVE)
    return states


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


def _run_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
