"""Flow `poll-requests`: read the queue, check new requests, start evaluations."""

from functools import partial

from prefect import flow

from evalboard.containing import contained
from evalboard.intake.polling import CheckedRequest
from tasks.board_tasks import publish_queue
from tasks.names import named
from tasks.poll_tasks import check_request, read_queue, start_evaluation


@flow(name="poll-requests")
def poll_requests(
    start_runs: bool = True, at_most: int | None = None, skip: tuple[str, ...] = ()
) -> list[CheckedRequest]:
    """Check the next pending requests and start an evaluation of each that passes.

    An error at one request is in the log and in its task run. The poll goes on with the next.

    Args:
        start_runs: Start the evaluations through their deployment. Off if the caller runs them.
        at_most: Start no more than this many.
        skip: Paths of requests that are left out.

    Returns:
        The requests that passed, and were started if they were to be, in order.
    """
    waiting = read_queue()
    places = waiting.free_slots if at_most is None else min(waiting.free_slots, at_most)
    accepted: list[CheckedRequest] = []
    for path in waiting.paths:
        if len(accepted) == places:
            break
        if path in skip:
            continue
        check = check_request.with_options(task_run_name=named(f"Check · {path}"))
        checked = contained(partial(check, path), f"The check of request {path!r}")
        if not isinstance(checked, CheckedRequest) or checked.request is None:
            continue
        if not start_runs or _is_started(checked):
            accepted.append(checked)
    publish_queue()
    return accepted


def _is_started(checked: CheckedRequest) -> bool:
    return isinstance(
        contained(partial(start_evaluation, checked), f"The start of {checked.path!r}"), str
    )
