"""Flow `poll-requests`: read the queue, check new requests, start evaluations."""

from collections.abc import Iterable, Iterator
from functools import partial

from prefect import flow

from evalboard.containing import contained
from evalboard.errors import StoreRefused
from evalboard.intake.polling import CheckedRequest, Startable
from evalboard_prefect.tasks.board_tasks import publish_queue
from evalboard_prefect.tasks.names import named
from evalboard_prefect.tasks.poll_tasks import (
    check_request,
    plan_next_poll,
    read_queue,
    start_evaluation,
)
from evalboard_prefect.tasks.runs import run_in_order


@flow(name="poll-requests")
def poll_requests(
    start_runs: bool = True,
    at_most: int | None = None,
    skip: tuple[str, ...] = (),
    ahead: int = 0,
) -> list[Startable]:
    """Check the next pending requests and start an evaluation of each that passes.

    An error at one request is in the log and in its task run. The poll goes on with the next, unless
    the store takes no changes at all.

    Args:
        start_runs: Start the evaluations through their deployment. Off if the caller runs them.
        at_most: Start no more than this many.
        skip: Paths of requests that are left out.
        ahead: Check this many more, for which there is no place yet.

    Returns:
        The requests that passed, and were started if they were to be, in order.
    """
    with run_in_order():
        return _poll(start_runs, at_most, skip, ahead)


def _poll(
    start_runs: bool, at_most: int | None, skip: tuple[str, ...], ahead: int
) -> list[Startable]:
    waiting = read_queue()
    places = waiting.free_slots if at_most is None else min(waiting.free_slots, at_most)
    passing = _passing(path for path in waiting.paths if path not in skip)
    accepted: list[Startable] = []
    while len(accepted) < places and (startable := next(passing, None)):
        if not start_runs or _is_started(startable):
            accepted.append(startable)
    for _ in range(ahead):
        next(passing, None)
    publish_queue()
    if start_runs:
        contained(
            partial(plan_next_poll, [one.path for one in accepted]),
            "The plan of the next poll",
        )
    return accepted


def _passing(paths: Iterable[str]) -> Iterator[Startable]:
    """Check one request after the other, and yield those that pass."""
    for path in paths:
        check = check_request.with_options(task_run_name=named(f"Check · {path}"))
        checked = contained(partial(check, path), f"The check of request {path!r}")
        if isinstance(checked, StoreRefused):
            raise checked
        if isinstance(checked, CheckedRequest) and checked.startable:
            yield checked.startable


def _is_started(startable: Startable) -> bool:
    return isinstance(
        contained(partial(start_evaluation, startable), f"The start of {startable.path!r}"), str
    )
