"""Flow `evaluate-model`: one model, its engines, one task per benchmark."""

import signal
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from evalboard.attempt import course
from evalboard.attempt.course import Steps
from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.summary import markdown_summary
from evalboard.errors import AlreadyFinished, ClaimLost, EvalboardError, LifecycleError
from evalboard.intake.submission import EvaluationRequest
from evalboard.log_lines import about
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan
from evalboard.records.request import Status
from evalboard.services import end_at_once
from evalboard_prefect.flows.board_flow import build_board
from evalboard_prefect.tasks.artifacts import create_artifact
from evalboard_prefect.tasks.evaluate_tasks import (
    claim_request,
    close_attempt,
    evaluate_benchmark,
    load_model,
    plan_benchmarks,
    stop_engines,
)
from evalboard_prefect.tasks.names import named
from evalboard_prefect.tasks.runs import run_in_order


@flow(name="evaluate-model", flow_run_name="{request.model}")
def evaluate_model(request: EvaluationRequest) -> State[Any]:
    """Evaluate one model on all benchmarks of a suite, and add its row to the board.

    If the model waits for further suites, they are evaluated too, while it is loaded.

    The run ends Completed if the request is FINISHED, Failed with the reason if it is FAILED or the
    submission fails its checks, and Cancelled if the request is cancelled or belongs to another
    run. If its process is ended, as by SIGTERM, it hands its request back.
    """
    # A Ray that this process has started would outlive it for minutes, and abort it before.
    with run_in_order(at_end=partial(end_at_once, signal.SIGTERM)):
        return _evaluate(request, then=build_board)


@flow(name="evaluate-only", flow_run_name="{request.model}")
def evaluate_only(request: EvaluationRequest) -> State[Any]:
    """Do as `evaluate_model` does, without the board, whose turn may be a minute away.

    The caller builds it, and starts the next request meanwhile.
    """
    with run_in_order():  # the caller handles signals
        return _evaluate(request, then=lambda: None)


def _evaluate(request: EvaluationRequest, *, then: Callable[[], object]) -> State[Any]:
    """Claim and evaluate a request, and return the end.

    After it, and after each further suite of the model, do something `then` and leave a report. If one
    of them did not finish, the run ends as the first of these.
    """
    with about(run=str(flow_run.id), model=request.model):
        return _evaluate_claimed(request, then=then)


def _evaluate_claimed(request: EvaluationRequest, *, then: Callable[[], object]) -> State[Any]:
    is_repeated = flow_run.run_count > 1  # by the button *Retry*: no flow has retries
    try:
        attempt = claim_request(
            request, str(flow_run.id), flow_run.ui_url or "", is_repeated=is_repeated
        )
    except EvalboardError as exc:
        return Failed(message=exc.message)
    if isinstance(attempt, AlreadyFinished) and is_repeated:
        return Completed(message=attempt.message)  # Retry of a run that is Completed
    if isinstance(attempt, LifecycleError):
        return Cancelled(message=attempt.message)
    ends: list[AttemptEnd] = []
    for done, end in course.run(attempt, STEPS):
        then()
        summary = markdown_summary(done, end)
        create_artifact("markdown", "evaluation", summary, done.record.model)
        ends.append(end)
    unfinished = (end for end in ends if end.status is not Status.FINISHED)
    return _state(next(unfinished, ends[0]))


def _state(end: AttemptEnd) -> State[Any]:
    """Return the state of a run that ended like this."""
    if end.status is Status.FINISHED:
        return Completed(message=end.reason, data=end)
    ended = Cancelled if end.failure and end.failure.code == ClaimLost.code else Failed
    return ended(message=end.failure.message if end.failure else "", data=end)


def _evaluate_all(
    attempt: Attempt, plans: Sequence[BenchmarkPlan]
) -> list[BenchmarkOutcome | BaseException]:
    """Run each benchmark as a task in a thread of its own, and wait for all.

    The threads wait for the engine, they do not work.
    """
    started = [_start(attempt, plan) for plan in plans]
    wait(started)
    return [future.result(raise_on_failure=False) for future in started]


def _start(attempt: Attempt, plan: BenchmarkPlan) -> PrefectFuture[Any]:
    """Start one benchmark as a task named `{title} · {model}`."""
    (benchmark,) = attempt.suite.select((plan.benchmark,))
    name = named(f"{benchmark.title} · {attempt.record.model}")
    return evaluate_benchmark.with_options(task_run_name=name).submit(attempt, plan)


STEPS = Steps(
    plan=plan_benchmarks,
    load=load_model,
    evaluate=_evaluate_all,
    stop=stop_engines,
    close=close_attempt,
)
