"""Work on an attempt's engine: plan, load, evaluate."""

import threading
import time
from collections import defaultdict

from evalboard.attempt.model import Attempt, AttemptPlan
from evalboard.engine import placement
from evalboard.errors import EvalboardError
from evalboard.publishing import publish_queue
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.table import BenchmarkProgress
from evalboard.stores.opening import open_store
from evalboard.stores.results import ResultsArchive
from evalboard.workfolder import Finished, WorkFolder

# An engine answers one benchmark at a time. Whoever waits does so here and not at the engine, so
# that a benchmark that kills the process takes none of the waiting ones with it.
_turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def plan_attempt(attempt: Attempt) -> AttemptPlan:
    """Start the engine's process and ask what is to be done. The model is not loaded yet."""
    started = time.monotonic()
    settings = attempt.engine.settings
    plans, facts = placement.call(
        attempt.engine, "plan", timeout_seconds=settings.engine_start_timeout_seconds
    )
    work = WorkFolder(settings.work_folder)
    impossible = tuple(plan for plan in plans if plan.problem)
    possible = [plan for plan in plans if not plan.problem]
    finished = () if attempt.is_trial else _finished_earlier(attempt, possible, work)
    waiting = sorted((plan for plan in possible if plan not in finished), key=lambda plan: -plan.n)
    plan = AttemptPlan(
        waiting=tuple(waiting),
        finished=finished,
        impossible=impossible,
        facts=facts,
        start_seconds=time.monotonic() - started,
    )
    _note_plan(attempt, plan, work)
    return plan


def load_model(attempt: Attempt) -> EngineFacts:
    """Load the attempt's model into its engine."""
    settings = attempt.engine.settings
    return placement.call(
        attempt.engine, "load", timeout_seconds=settings.engine_start_timeout_seconds
    )


def evaluate_benchmark(attempt: Attempt, plan: BenchmarkPlan) -> BenchmarkOutcome:
    """Run one benchmark and keep it in the work folder as soon as it is done.

    Raises:
        EvalboardError: It could not be run; the class says whether to try again.
    """
    settings = attempt.engine.settings
    with _turns[attempt.engine.name]:
        _note(attempt, plan.benchmark, BenchmarkProgress(state="running", total=plan.n))
        try:
            scored = placement.call(
                attempt.engine,
                "evaluate",
                plan.benchmark,
                timeout_seconds=settings.benchmark_timeout_seconds,
            )
        except EvalboardError as exc:
            failed = BenchmarkProgress(state="failed", total=plan.n, reason=exc.message)
            _note(attempt, plan.benchmark, failed)
            raise
    WorkFolder(settings.work_folder).keep(Finished(scored.outcome, scored.answers))
    done = BenchmarkProgress(state="done", done=plan.n, total=plan.n)
    _note(attempt, plan.benchmark, done)
    return scored.outcome


def stop_engine(attempt: Attempt) -> None:
    """End the attempt's engine and free what it held."""
    placement.close(attempt.engine)
    _turns.pop(attempt.engine.name, None)


def _finished_earlier(
    attempt: Attempt, plans: list[BenchmarkPlan], work: WorkFolder
) -> tuple[BenchmarkPlan, ...]:
    """Return what the work folder, or the results store for this suite, holds under the key."""
    archive = ResultsArchive(open_store(attempt.engine.settings.store_address("results")))
    stored = {
        key
        for document in archive.read(model=attempt.record.model).documents
        if document.evalboard.suite == attempt.suite.name
        for key in document.evalboard.benchmark_keys.values()
    }
    return tuple(
        plan
        for plan in plans
        if plan.key in stored or work.finished(plan.benchmark, plan.key) is not None
    )


def _note_plan(attempt: Attempt, plan: AttemptPlan, work: WorkFolder) -> None:
    states = {p.benchmark: BenchmarkProgress(state="waiting", total=p.n) for p in plan.waiting}
    states |= {
        p.benchmark: BenchmarkProgress(state="done", done=p.n, total=p.n) for p in plan.finished
    }
    states |= {
        p.benchmark: BenchmarkProgress(state="failed", reason=(p.problem or {}).get("message", ""))
        for p in plan.impossible
    }
    for benchmark, progress in states.items():
        work.note_progress(attempt.progress_key, benchmark, progress)
    publish_queue(attempt.engine.settings)


def _note(attempt: Attempt, benchmark: str, progress: BenchmarkProgress) -> None:
    settings = attempt.engine.settings
    WorkFolder(settings.work_folder).note_progress(attempt.progress_key, benchmark, progress)
    publish_queue(settings)
