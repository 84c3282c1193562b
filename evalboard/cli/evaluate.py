"""`evalboard evaluate`: one model, no queue, no Prefect; prints or writes the result document."""

import argparse
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.table import Table

from evalboard.attempt import closing, opening, running
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.report import time_account
from evalboard.backends import BACKENDS
from evalboard.cli.progress import ProgressDisplay
from evalboard.cli.reporting import console
from evalboard.cli.submission_arguments import add_submission_arguments, make, submission_fields
from evalboard.engine.placing import cluster, placement
from evalboard.errors import EngineError, EvalboardError
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder

T = TypeVar("T")


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    add_submission_arguments(parser)
    parser.add_argument(
        "--benchmarks", default="", help="benchmark keys, separated by commas; default: all"
    )
    parser.add_argument(
        "--limit", type=int, help="ask only the first LIMIT questions of each benchmark"
    )
    parser.add_argument("--num-fewshot", type=int, help="number of examples before each question")
    parser.add_argument("--backend", choices=list(BACKENDS), help="default: EVALBOARD_BACKEND")
    parser.add_argument("--json", action="store_true", help="print the result document as JSON")
    parser.add_argument(
        "--output", type=Path, help="folder for the result document and the answers"
    )
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Evaluate a model; 1 when a benchmark failed."""
    if arguments.backend:
        settings = settings.model_copy(update={"backend": arguments.backend})
    request = make(
        EvaluationRequest,
        {
            **submission_fields(arguments, sender=settings.sender),
            "benchmarks": tuple(key for key in arguments.benchmarks.split(",") if key),
            "limit": arguments.limit,
            "num_fewshot": arguments.num_fewshot,
        },
    )
    run_id = uuid.uuid4().hex
    is_child = not placement.leaves_a_choice(settings)
    _start_ahead(settings, run_id, is_child=is_child)
    try:
        attempt = opening.open_trial(
            request,
            settings,
            run_id=run_id,
            now=datetime.now(UTC),
            allow_folder=True,
            is_child=is_child,
        )
        end = _evaluate(attempt, quiet=arguments.json)
    finally:
        placement.end_ahead()
    if end.document_path is None:
        message = end.failure.message if end.failure else "Nothing was evaluated."
        print(f"evalboard: {message}", file=sys.stderr)
        return 1
    _show(attempt, end, arguments)
    return 0 if end.failure is None else 1


def _start_ahead(settings: Settings, run_id: str, *, is_child: bool) -> None:
    """Start the engine's process, or the Ray that will place it, while the model is checked."""
    if is_child:
        log_file = WorkFolder(settings.work_folder.resolve()).log_file(run_id)
        placement.start_ahead(settings.backend, settings, log_file)
    else:
        threading.Thread(target=cluster.connect, args=(settings,), daemon=True).start()


def _evaluate(attempt: Attempt, *, quiet: bool) -> AttemptEnd:
    """Run every benchmark; a failure of one does not stop the others."""
    plan: AttemptPlan | None = None
    facts: EngineFacts | None = None
    failures: dict[str, Failure] = {}
    try:
        plan = _tried(partial(running.plan_attempt, attempt))
        if plan.waiting:
            facts = _tried(partial(running.load_model, attempt, plan))
            failures = _run_benchmarks(attempt, plan.waiting, quiet=quiet)
    except EvalboardError as exc:
        failures[""] = closing.failure_of(exc, attempt)
    finally:
        facts = running.stop_engines(attempt, facts)
    return closing.close_attempt(attempt, plan, facts, failures, now=datetime.now(UTC))


def _run_benchmarks(
    attempt: Attempt, plans: Sequence[BenchmarkPlan], *, quiet: bool
) -> dict[str, Failure]:
    """Run all benchmarks, each in a thread that waits for its engine; return what failed."""

    def run(plan: BenchmarkPlan) -> Failure | None:
        try:
            outcome = _tried(partial(running.evaluate_benchmark, attempt, plan))
        except EvalboardError as exc:
            return closing.failure_of(exc, attempt)
        if not quiet:
            questions, seconds = outcome.n_effective, outcome.seconds
            console.print(f"{plan.benchmark}: {questions} questions in {seconds:.1f} s")
        return None

    with (
        ProgressDisplay(attempt.engine.settings, quiet=quiet) as display,
        display.watch(attempt.progress_key, attempt.record.model),
        ThreadPoolExecutor(max_workers=len(plans)) as threads,
    ):
        try:
            failed = list(threads.map(run, plans))
        except KeyboardInterrupt:
            running.abandon(attempt, EngineError("Interrupted."))  # which the threads wait for
            raise
    return {p.benchmark: f for p, f in zip(plans, failed, strict=True) if f is not None}


def _tried(work: Callable[[], T]) -> T:
    """Do one piece of work as often as its failures say."""
    while True:
        try:
            return work()
        except EngineError as exc:
            if not exc.try_again:
                raise
            print(f"evalboard: {exc.message} Trying again.", file=sys.stderr)


def _show(attempt: Attempt, end: AttemptEnd, arguments: argparse.Namespace) -> None:
    document = Path(end.document_path or "")
    if arguments.output:
        copied = shutil.copytree(document.parent, arguments.output, dirs_exist_ok=True)
        document = Path(copied) / document.name
    if arguments.json:
        print(document.read_text(encoding="utf-8"), end="")
        return
    table = Table("benchmark", "score", title=attempt.record.model)
    for benchmark in attempt.benchmarks:
        score = end.scores.get(benchmark.key)
        table.add_row(benchmark.title, "—" if score is None else f"{score:.4f}")
    console.print(table)
    if end.failure:
        console.print(f"{end.failure.code}: {end.failure.message}", markup=False)
    spent = ", ".join(f"{part} {taken:.1f} s" for part, taken in time_account(end.seconds))
    console.print(f"Time: {spent}\nDocument: {document}", markup=False)
