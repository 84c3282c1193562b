"""Flows `requeue`, `cancel`, `prioritise` and `backfill`: actions on requests, from the Prefect UI."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from evalboard.errors import EvalboardError
from evalboard.queueing import actions
from evalboard.queueing.actions import RequestChange
from evalboard.queueing.backfill import as_markdown, find_missing, put_back
from evalboard.queueing.queries import RequestQuery
from evalboard.wording import counted
from evalboard_prefect.tasks.artifacts import create_artifact
from evalboard_prefect.tasks.board_tasks import publish_queue
from evalboard_prefect.tasks.runs import run_states, stop_run
from evalboard_prefect.tasks.settings import load_settings

PrecisionName = Literal["any", "float16", "bfloat16", "float32", "8bit", "4bit", "prequantised"]
"""The choices of a form: every `Precision`."""
ACTOR = "a flow run"
"""Name of these flows in the history of a request."""


@flow(name="requeue")
def requeue(
    requests: list[str], revision: str = "", precision: PrecisionName = "any", suite: str = ""
) -> State[Any]:
    """Restart failed, rejected or cancelled requests, and those whose runs are lost.

    Args:
        requests: Names of models (`org/name`), or paths of requests as the queue's page shows them.
        revision: Commit sha or the start of it, if a name matches several requests. Empty: any.
        precision: Precision of the request, if a name matches several.
        suite: Name of a suite, if a name matches requests for several boards. Empty: any.
    """
    queries = _queries(requests, revision, precision, suite)
    return _state_after(
        lambda: actions.requeue(
            queries, load_settings(), now=datetime.now(UTC), by=ACTOR, ask_runs=run_states
        )
    )


@flow(name="cancel")
def cancel(
    requests: list[str], revision: str = "", precision: PrecisionName = "any", suite: str = ""
) -> State[Any]:
    """Cancel requests and stop their runs.

    Args:
        requests: Names of models (`org/name`), or paths of requests as the queue's page shows them.
        revision: Commit sha or the start of it, if a name matches several requests. Empty: any.
        precision: Precision of the request, if a name matches several.
        suite: Name of a suite, if a name matches requests for several boards. Empty: any.
    """
    queries = _queries(requests, revision, precision, suite)
    return _state_after(
        lambda: actions.cancel(
            queries, load_settings(), now=datetime.now(UTC), by=ACTOR, stop_run=stop_run
        )
    )


@flow(name="prioritise")
def prioritise(
    requests: list[str],
    priority: int,
    revision: str = "",
    precision: PrecisionName = "any",
    suite: str = "",
) -> State[Any]:
    """Change the priority of waiting requests.

    Args:
        requests: Names of models (`org/name`), or paths of requests as the queue's page shows them.
        priority: New priority. Requests with a higher number run earlier. The default is 0.
        revision: Commit sha or the start of it, if a name matches several requests. Empty: any.
        precision: Precision of the request, if a name matches several.
        suite: Name of a suite, if a name matches requests for several boards. Empty: any.
    """
    queries = _queries(requests, revision, precision, suite)
    return _state_after(lambda: actions.prioritise(queries, priority, load_settings()))


@flow(name="backfill")
def backfill(
    suite: str = "",
    benchmarks: tuple[str, ...] = (),
    changed: bool = False,
    dry_run: bool = False,
) -> State[Any]:
    """Let finished models wait for the scores that their suite has gained, the best model first.

    Args:
        suite: Name of the suite. Empty: the board's own.
        benchmarks: Keys of the benchmarks that count. Empty: all of the suite.
        changed: Also replace scores of another version of a benchmark, or on other questions. This
            reads all questions of the suite.
        dry_run: Only list models and benchmarks, in an artifact of this run. Nothing changes.
    """
    try:
        settings = load_settings()
        found = find_missing(settings, suite=suite, benchmarks=benchmarks, with_changed=changed)
    except EvalboardError as exc:
        return Failed(message=exc.message)
    create_artifact("markdown", "backfill", as_markdown(found), "Models without all scores")
    if dry_run:
        return Completed(message=f"{counted(len(found), 'model')} without all scores")
    return _state_after(lambda: put_back(found, settings, now=datetime.now(UTC), by=ACTOR))


def _queries(
    requests: list[str], revision: str, precision: PrecisionName, suite: str
) -> list[RequestQuery]:
    wanted = "" if precision == "any" else precision
    return [RequestQuery(name, revision, wanted, suite) for name in requests]


def _state_after(act: Callable[[], list[RequestChange]]) -> State[Any]:
    """Act, publish the queue, and return the flow's state: Failed if a request did not change."""
    try:
        changes = act()
    except EvalboardError as exc:
        return Failed(message=exc.message)
    publish_queue()
    problems = [f"{change.path}: {change.problem}" for change in changes if change.problem]
    if problems:
        return Failed(message="; ".join(problems))
    return Completed(message=f"{counted(len(changes), 'request')} changed")
