"""`evalboard evaluate`: one model, no queue, no Prefect; prints or writes the result document."""

import argparse
import shutil
import sys
import uuid
from datetime import UTC, datetime
from pathlib import Path

from rich.table import Table

from evalboard.attempt import closing, opening, running
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan, EvaluationRequest
from evalboard.attempt.report import time_account
from evalboard.cli.reporting import console
from evalboard.cli.submission_arguments import add_submission_arguments, make, submission_fields
from evalboard.errors import EvalboardError
from evalboard.records.outcome import EngineFacts
from evalboard.records.request import Failure
from evalboard.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    add_submission_arguments(parser)
    parser.add_argument("--benchmarks", default="", help="keys, comma separated; default: all")
    parser.add_argument("--limit", type=int, help="only the first so many questions of each")
    parser.add_argument("--num-fewshot", type=int, help="examples before each question")
    parser.add_argument("--backend", choices=["vllm", "hf"], help="default: EVALBOARD_BACKEND")
    parser.add_argument("--json", action="store_true", help="print the result document")
    parser.add_argument("--output", type=Path, help="folder to write the document and answers to")
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
    attempt = opening.open_trial(
        request, settings, run_id=uuid.uuid4().hex, now=datetime.now(UTC), allow_folder=True
    )
    end = _evaluate(attempt, quiet=arguments.json)
    if end.document_path is None:
        message = end.failure.message if end.failure else "Nothing was evaluated."
        print(f"evalboard: {message}", file=sys.stderr)
        return 1
    _show(attempt, end, arguments)
    return 0 if end.failure is None else 1


def _evaluate(attempt: Attempt, *, quiet: bool) -> AttemptEnd:
    """Run the benchmarks one after another; a failure of one does not stop the others."""
    plan: AttemptPlan | None = None
    facts: EngineFacts | None = None
    failures: dict[str, Failure] = {}
    try:
        plan = running.plan_attempt(attempt)
        facts = running.load_model(attempt)
        for benchmark in plan.waiting:
            try:
                outcome = running.evaluate_benchmark(attempt, benchmark)
            except EvalboardError as exc:
                failures[benchmark.benchmark] = closing.failure_of(exc, attempt)
            else:
                if not quiet:
                    console.print(
                        f"{benchmark.benchmark}: {outcome.n_effective} questions in "
                        f"{outcome.seconds:.1f} s"
                    )
    except EvalboardError as exc:
        failures[""] = closing.failure_of(exc, attempt)
    finally:
        running.stop_engine(attempt)
    return closing.close_attempt(attempt, plan, facts, failures, now=datetime.now(UTC))


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
