"""Flow `evaluate-model`: one model, its engines, one task per benchmark."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture, wait
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from evalboard.attempt.closing import failure_of
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.watching import watched_claim
from evalboard.errors import ClaimLost, EvalboardError, LifecycleError
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure, Status
from flows.board_flow import build_board
from flows.report import publish_report
from tasks.evaluation_tasks import (
    claim_request,
    close_attempt,
    evaluate_benchmark,
    load_model,
    plan_benchmarks,
    stop_engines,
)

# One thread per benchmark: they wait for the engine, they do not work.
THREADS: Any = ThreadPoolTaskRunner(max_workers=64)


@flow(
    name="evaluate-model",
    flow_run_name="{request.model}",
    task_runner=THREADS,
)
def evaluate_model(request: EvaluationRequest) -> State[Any]:
    """Evaluate one model on every benchmark of a suite, and put its row on the board.

    Ends Completed when the request is FINISHED, Failed with the reason when it is FAILED or the
    submission does not pass its checks, Cancelled when another run has the request or takes it
    over, and when somebody cancels it.
    """
    try:
        attempt = claim_request(request, str(flow_run.id), flow_run.ui_url or "")
    except LifecycleError as exc:
        return Cancelled(message=exc.message)
    except EvalboardError as exc:
        return Failed(message=exc.message)
    end = _evaluate(attempt)
    build_board()
    publish_report(attempt, end)
    if end.status is Status.FINISHED:
        return Completed(message=f"{len(end.scores)} benchmarks stored", data=end)
    ended = Cancelled if end.failure and end.failure.code == ClaimLost.code else Failed
    return ended(message=end.failure.message if end.failure else "", data=end)


def _evaluate(attempt: Attempt) -> AttemptEnd:
    """Run every benchmark and close the attempt, however far it came.

    The claim is watched while there are engines to end; closing checks it by itself, and gives it
    back.
    """
    plan: AttemptPlan | None = None
    facts: EngineFacts | None = None
    failures: dict[str, Failure] = {}
    try:
        with watched_claim(attempt):
            plan = plan_benchmarks(attempt)
            if plan.waiting:
                facts = load_model(attempt, plan)
                failures = _gather(attempt, [_start(attempt, each) for each in plan.waiting])
    except EvalboardError as exc:
        failures[""] = failure_of(exc, attempt)
    finally:
        facts = stop_engines(attempt, facts)
    return close_attempt(attempt, plan, facts, failures)


def _start(attempt: Attempt, plan: BenchmarkPlan) -> tuple[str, PrefectFuture[Any]]:
    """Start one benchmark as a task named `{title} · {model}`."""
    (benchmark,) = attempt.suite.select((plan.benchmark,))
    named = evaluate_benchmark.with_options(
        task_run_name=f"{benchmark.title} · {attempt.record.model}"
    )
    return plan.benchmark, named.submit(attempt, plan)


def _gather(attempt: Attempt, started: list[tuple[str, PrefectFuture[Any]]]) -> dict[str, Failure]:
    """Wait for all benchmarks; return what went wrong, by benchmark."""
    wait([future for _, future in started])
    failures: dict[str, Failure] = {}
    for benchmark, future in started:
        answer = future.result(raise_on_failure=False)
        if isinstance(answer, EvalboardError):
            failures[benchmark] = failure_of(answer, attempt)
        elif isinstance(answer, BaseException):
            raise answer
    return failures
