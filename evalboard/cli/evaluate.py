"""`evalboard evaluate`: one model, no queue, no Prefect; prints or writes the result document."""

import argparse
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

from rich.table import Table

from evalboard.attempt import course, opening, running
from evalboard.attempt.course import Steps
from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.summary import time_account
from evalboard.cli.progress_display import ProgressDisplay
from evalboard.cli.reporting import cell, console, say, stage
from evalboard.cli.submission_arguments import make, submission_fields
from evalboard.engine.placing import placement
from evalboard.errors import EngineError, EvalboardError, Interrupted
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan
from evalboard.services import terminable
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

P = ParamSpec("P")
T = TypeVar("T")


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Evaluate a model. Return 1 if a benchmark failed."""
    if arguments.backend:
        settings = settings.model_copy(update={"backend": arguments.backend})
    request = make(
        EvaluationRequest,
        {
            **submission_fields(arguments, sender=settings.sender),
            "benchmarks": arguments.benchmarks,
            "limit": arguments.limit,
            "num_fewshot": arguments.num_fewshot,
        },
    )
    with placement.one_run_at_a_time(), terminable():
        try:
            return _evaluate(request, arguments, settings)
        except KeyboardInterrupt:
            say("evalboard: Stopped. The same command continues where it was.", is_error=True)
            raise


def evaluate_now(
    request: EvaluationRequest, settings: Settings, *, quiet: bool, allow_paths: bool = False
) -> tuple[Attempt, AttemptEnd]:
    """Evaluate a model in this process, without the queue. The document stays in the work folder.

    Args:
        request: The evaluation.
        settings: The settings.
        quiet: Show no progress.
        allow_paths: Whether the model can be a folder, and the suite a file.

    Raises:
        ConfigError: The suite or a benchmark does not exist.
        ValidationFailed: The model fails its checks.
    """
    run_id = uuid.uuid4().hex
    placement.start_ahead(settings, WorkFolder(settings.work_folder.resolve()).log_file(run_id))
    try:
        attempt = opening.open_trial(
            request, settings, run_id=run_id, now=datetime.now(UTC), allow_paths=allow_paths
        )
        ((_, end),) = course.run(attempt, _steps(quiet=quiet))
        return attempt, end
    finally:
        placement.end_ahead()


def _evaluate(request: EvaluationRequest, arguments: argparse.Namespace, settings: Settings) -> int:
    attempt, end = evaluate_now(request, settings, quiet=arguments.json, allow_paths=True)
    if end.document_path is None:
        message = end.failure.message if end.failure else "No benchmark was evaluated."
        say(f"evalboard: {message}", is_error=True)
        return 1
    _show(attempt, end, arguments)
    return 0 if end.failure is None else 1


def _steps(*, quiet: bool) -> Steps:
    plan, load = _retried(running.plan_attempt), _retried(running.load_model)
    return Steps(
        plan=plan if quiet else _shown("Starting the engine and reading the questions …", plan),
        load=load if quiet else _shown("Loading the model …", load),
        evaluate=partial(_evaluate_all, quiet=quiet),
    )


def _evaluate_all(
    attempt: Attempt, plans: Sequence[BenchmarkPlan], *, quiet: bool
) -> list[BenchmarkOutcome | BaseException]:
    """Run all benchmarks, each in a thread that waits for its engine."""
    evaluate = _retried(running.evaluate_benchmark)

    def run(plan: BenchmarkPlan) -> BenchmarkOutcome | BaseException:
        try:
            outcome = evaluate(attempt, plan)
        except EvalboardError as exc:
            return exc
        if not quiet:
            questions, seconds = outcome.n_effective, outcome.seconds
            console.print(f"{plan.benchmark}: {questions} questions in {seconds:.1f} s")
        return outcome

    with (
        ProgressDisplay(attempt.engine.settings, quiet=quiet) as display,
        display.watch(attempt.progress_key, attempt.record.model),
        ThreadPoolExecutor(max_workers=len(plans)) as threads,
    ):
        try:
            return list(threads.map(run, plans))
        except KeyboardInterrupt:
            running.abandon(attempt, Interrupted("Interrupted."))  # which the threads wait for
            raise


def _retried(work: Callable[P, T]) -> Callable[P, T]:
    """Return work that is done again as often as its failures say."""

    def tried(*args: P.args, **options: P.kwargs) -> T:
        while True:
            try:
                return work(*args, **options)
            except EngineError as exc:
                if not exc.try_again:
                    raise
                say(f"evalboard: {exc.message} Retrying.", is_error=True)

    return tried


def _shown(text: str, work: Callable[P, T]) -> Callable[P, T]:
    """Return work whose wait is shown."""

    def shown(*args: P.args, **options: P.kwargs) -> T:
        with stage(text):
            return work(*args, **options)

    return shown


def _show(attempt: Attempt, end: AttemptEnd, arguments: argparse.Namespace) -> None:
    document = Path(end.document_path or "")
    if arguments.output:
        copied = shutil.copytree(document.parent, arguments.output, dirs_exist_ok=True)
        document = Path(copied) / document.name
    if arguments.json:
        print(document.read_text(encoding="utf-8"), end="")
        return
    table = Table("benchmark", "score", title=cell(attempt.record.model))
    for benchmark in attempt.benchmarks:
        score = end.scores.get(benchmark.key)
        table.add_row(benchmark.title, "—" if score is None else f"{score:.4f}")
    console.print(table)
    if end.failure:
        say(f"{end.failure.code}: {end.failure.message}")
    spent = ", ".join(f"{part} {taken:.1f} s" for part, taken in time_account(end.seconds))
    console.print(f"Time: {spent}\nDocument: {document}", markup=False)
