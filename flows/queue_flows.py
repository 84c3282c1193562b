"""Flows `requeue`, `cancel` and `prioritise`: what people do to requests, from the Prefect UI."""

from collections.abc import Callable
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from evalboard.errors import EvalboardError
from evalboard.queueing.actions import Acted
from evalboard.queueing.finding import Wanted
from tasks import action_tasks
from tasks.board_tasks import publish_queue


@flow(name="requeue")
def requeue(requests: list[str], revision: str = "", precision: str = "") -> State[Any]:
    """Start failed, rejected or cancelled requests again.

    Args:
        requests: Paths of requests, or names of models.
        revision: Commit sha or its beginning, where a name means several.
        precision: The same.
    """
    return _done(lambda: action_tasks.requeue(_wanted(requests, revision, precision)))


@flow(name="cancel")
def cancel(requests: list[str], revision: str = "", precision: str = "") -> State[Any]:
    """Cancel requests, and stop the runs that work on them; arguments as for `requeue`."""
    return _done(lambda: action_tasks.cancel(_wanted(requests, revision, precision)))


@flow(name="prioritise")
def prioritise(
    requests: list[str], priority: int, revision: str = "", precision: str = ""
) -> State[Any]:
    """Give waiting requests another priority, a higher one being earlier; else as for `requeue`."""
    return _done(lambda: action_tasks.prioritise(_wanted(requests, revision, precision), priority))


def _wanted(requests: list[str], revision: str, precision: str) -> list[Wanted]:
    return [Wanted(name, revision, precision) for name in requests]


def _done(act: Callable[[], list[Acted]]) -> State[Any]:
    """Act, and end as it ended: Failed where a request could not be changed."""
    try:
        acted = act()
    except EvalboardError as exc:
        return Failed(message=exc.message)
    publish_queue()
    problems = [f"{one.path}: {one.problem}" for one in acted if one.problem]
    if problems:
        return Failed(message="; ".join(problems))
    return Completed(message=f"{len(acted)} requests changed")
