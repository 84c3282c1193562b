"""Tasks of one evaluation."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypedDict

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.runtime import deployment

from evalboard.attempt import closing, opening, running
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.retrying import MAX_TRIES
from evalboard.errors import LifecycleError
from evalboard.intake.submission import EvaluationRequest
from evalboard.log_lines import about
from evalboard.queueing.bell import ring
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure
from evalboard_prefect.tasks.progress_artifact import ProgressArtifact
from evalboard_prefect.tasks.settings import load_settings, require_board_settings


async def is_worth_another_try(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return the core's decision, which is part of the error."""
    return getattr(await state.aresult(raise_on_failure=False), "try_again", False)


class _Retries(TypedDict):
    retries: int
    retry_condition_fn: Callable[[Task[..., Any], TaskRun, State[Any]], Awaitable[bool]]


TRY_AGAIN: _Retries = {"retries": MAX_TRIES, "retry_condition_fn": is_worth_another_try}


@task(name="Claim", cache_policy=NO_CACHE)
def claim_request(
    request: EvaluationRequest, run_id: str, run_url: str, *, is_repeated: bool
) -> Attempt | LifecycleError:
    """Find or make the request, and claim it for this run.

    Returns:
        The attempt, or why there is none. Another machine may have been faster: no failure.
    """
    settings = load_settings()
    if deployment.id:  # not under `evalboard run`, which asks its own board
        require_board_settings(settings)
    try:
        return opening.open_attempt(
            request,
            settings,
            run_id=run_id,
            run_url=run_url,
            now=datetime.now(UTC),
            is_repeated=is_repeated,
        )
    except LifecycleError as exc:
        return exc


@task(name="Plan", cache_policy=NO_CACHE, **TRY_AGAIN)
def plan_benchmarks(attempt: Attempt) -> AttemptPlan:
    """Start the engine's process and plan the benchmarks."""
    plan = running.plan_attempt(attempt)
    get_run_logger().info(
        "%d benchmarks to run, %d already finished, %d cannot run",
        len(plan.waiting),
        len(plan.finished),
        len(plan.impossible),
    )
    return plan


@task(name="Load", cache_policy=NO_CACHE, **TRY_AGAIN)
def load_model(attempt: Attempt, plan: AttemptPlan) -> EngineFacts:
    """Load the model into the first engine, and start further engines."""
    facts = running.load_model(attempt, plan)
    get_run_logger().info("loaded in %.1f s: %s", facts.load_seconds, facts.settings)
    return facts


@task(name="Benchmark", cache_policy=NO_CACHE, **TRY_AGAIN)
def evaluate_benchmark(attempt: Attempt, plan: BenchmarkPlan) -> BenchmarkOutcome:
    """Run one benchmark on an engine."""
    artifact = ProgressArtifact(plan.benchmark)
    with about(benchmark=plan.benchmark):
        outcome = running.evaluate_benchmark(attempt, plan, on_progress=artifact.show)
        get_run_logger().info("%d questions in %.1f s", outcome.n_effective, outcome.seconds)
        return outcome


@task(name="Stop engines", cache_policy=NO_CACHE)
def stop_engines(attempt: Attempt, facts: EngineFacts | None) -> EngineFacts | None:
    """End the engines' processes, and return their facts."""
    return running.stop_engines(attempt, facts)


@task(name="Store", cache_policy=NO_CACHE)
def close_attempt(
    attempt: Attempt,
    plan: AttemptPlan | None,
    facts: EngineFacts | None,
    failures: dict[str, Failure],
) -> AttemptEnd:
    """Store the finished benchmarks, and end the request."""
    end = closing.close_attempt(attempt, plan, facts, failures, now=datetime.now(UTC))
    ring(load_settings())  # there is a place for the next request
    get_run_logger().info("%s: %s", end.status, end.document_path or "nothing to store")
    return end
