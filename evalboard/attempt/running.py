"""The work on an attempt's engines: plan, load, evaluate."""

import threading
import time
from collections.abc import Callable

from evalboard.attempt.engines import EnginePool
from evalboard.attempt.model import Attempt, AttemptPlan
from evalboard.attempt.order import asking_order, engine_count
from evalboard.attempt.sharing import take_over
from evalboard.engine.placing import placement
from evalboard.engine.placing.placement import EngineHandle
from evalboard.errors import EngineError, EvalboardError
from evalboard.publishing import announce_progress, announce_queue
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.request import Status
from evalboard.stores.addresses import open_archive, open_own_queue
from evalboard.stores.work import WorkFolder

OnProgress = Callable[[BenchmarkProgress], None]

_pools: dict[str, EnginePool] = {}
_opening = threading.Lock()


def plan_attempt(attempt: Attempt) -> AttemptPlan:
    """Plan the benchmarks. The model is not loaded yet.

    Raises:
        EvalboardError: Planning failed. `try_again` of an `EngineError` says whether to retry.
    """
    started = time.monotonic()
    plans, facts = _pool(attempt).plan()
    possible = [plan for plan in plans if not plan.problem]
    finished = () if attempt.is_trial else _finished_earlier(attempt, possible)
    plan = AttemptPlan(
        waiting=tuple(asking_order(plan for plan in possible if plan not in finished)),
        finished=finished,
        impossible=tuple(plan for plan in plans if plan.problem),
        facts=facts,
        start_seconds=time.monotonic() - started,
    )
    _note_plan(attempt, plan)
    return plan


def has_work(attempt: Attempt) -> bool:
    """Return whether an attempt that is yet to begin will have benchmarks to run.

    The attempt is planned to find out, but only if there are results of its model. It must not be a trial.

    Raises:
        EvalboardError: The results cannot be read, or planning failed.
    """
    archive = open_archive(attempt.engine.settings)
    if not archive.read(model=attempt.record.model).documents:
        return True
    planner = EngineHandle(attempt.engine.without_model())
    try:
        plans, _ = planner.plan()
    finally:
        planner.close()
    possible = [plan for plan in plans if not plan.problem]
    return len(_finished_earlier(attempt, possible)) < len(possible)


def load_model(attempt: Attempt, plan: AttemptPlan) -> EngineFacts:
    """Load the attempt's model, and start to load it into its further engines.

    Raises:
        EvalboardError: Loading failed. `try_again` of an `EngineError` says whether to retry.
    """
    pool, started = _pool(attempt), time.monotonic()
    facts = pool.load()
    before = max(0.0, time.monotonic() - started - facts.load_seconds)
    pool.open(plan.waiting, count=_engine_count(attempt, pool, waiting=len(plan.waiting)))
    return facts.model_copy(update={"start_seconds": before})


def evaluate_benchmark(
    attempt: Attempt, plan: BenchmarkPlan, *, on_progress: OnProgress | None = None
) -> BenchmarkOutcome:
    """Run one benchmark in its turn. The engine stores the result in the work folder.

    Args:
        attempt: The attempt.
        plan: The benchmark's plan.
        on_progress: Called every few seconds with the progress.

    Raises:
        EvalboardError: The benchmark failed. `try_again` of an `EngineError` says whether to retry.
    """
    settings, pool = attempt.engine.settings, _pool(attempt)
    work = WorkFolder(settings.work_folder)

    def look() -> None:
        pool.require_going()
        progress = work.progress(attempt.progress_key).get(plan.benchmark)
        if on_progress and progress:
            on_progress(progress)
        announce_progress(settings)

    try:
        with pool.seat(plan.benchmark) as engine:
            _note(attempt, plan.benchmark, BenchmarkProgress(state="running", total=plan.n))
            outcome = engine.evaluate(plan.benchmark, attempt.progress_key, on_wait=look)
    except EvalboardError as exc:
        again = isinstance(exc, EngineError) and exc.try_again
        state = "waiting" if again else "failed"
        failed = BenchmarkProgress(state=state, total=plan.n, reason=exc.message)
        _note(attempt, plan.benchmark, failed)
        raise
    done = BenchmarkProgress(state="done", done=plan.n, total=plan.n)
    _note(attempt, plan.benchmark, done)
    if on_progress:
        on_progress(done)
    pool.shrink(_engine_count(attempt, pool, waiting=len(attempt.benchmarks)))
    return outcome


def are_stopped(attempt: Attempt) -> bool:
    """Return whether the engines of a run were stopped while they worked."""
    return _pool(attempt).is_stopped


def ask_next(attempt: Attempt) -> None:
    """Let the engines of a run answer the next suite of their model, for which they were loaded."""
    _pool(attempt).ask_next(attempt.engine)


def final_facts(attempt: Attempt, facts: EngineFacts | None) -> EngineFacts | None:
    """Return the facts of the first engine after loading, with the engines' final settings.

    A limit of the length that is longer than what the loaded model reads is none.
    """
    pool = _pools.get(attempt.engine.name)
    if pool is None or facts is None:
        return facts
    known = pool.limits.model_dump(exclude={"resource"}, exclude_none=True)
    lengths = (facts.settings.get("max_length"), known.get("max_length"))
    if read := [length for length in lengths if length is not None]:
        known["max_length"] = min(read)
    return facts.model_copy(update={"settings": facts.settings | known})


def abandon(attempt: Attempt, reason: EvalboardError) -> None:
    """End the attempt's engines while they work. All current work fails with the reason."""
    _pool(attempt).stop(reason)


def stop_engines(attempt: Attempt, facts: EngineFacts | None) -> EngineFacts | None:
    """End the attempt's engines and free their resources.

    Args:
        attempt: The attempt.
        facts: Facts of the first engine after loading, None if no model was loaded.

    Returns:
        The facts, with the engines' final settings.
    """
    facts = final_facts(attempt, facts)
    if pool := _pools.pop(attempt.engine.name, None):
        pool.close()
    return facts


def _pool(attempt: Attempt) -> EnginePool:
    with _opening:
        if attempt.engine.name not in _pools:
            _pools[attempt.engine.name] = EnginePool(attempt.engine)
        return _pools[attempt.engine.name]


def _engine_count(attempt: Attempt, pool: EnginePool, *, waiting: int) -> int:
    slots = placement.slot_count(attempt.engine.model_copy(update={"limits": pool.limits}))
    if slots == 1:
        return 1
    queue = open_own_queue(attempt.engine.settings)
    busy = (Status.PENDING, Status.RUNNING)
    requests = sum(e.record is not None and e.record.status in busy for e in queue.entries())
    return engine_count(slots=slots, requests=requests, waiting=waiting)


def _finished_earlier(attempt: Attempt, plans: list[BenchmarkPlan]) -> tuple[BenchmarkPlan, ...]:
    """Return the benchmarks with a result in the work folder or the results store, of any suite."""
    work = WorkFolder(attempt.engine.settings.work_folder)
    missing = [plan for plan in plans if work.outcome(plan.benchmark, plan.key) is None]
    stored = take_over(attempt, missing)
    return tuple(plan for plan in plans if plan not in missing or plan.key in stored)


def _note_plan(attempt: Attempt, plan: AttemptPlan) -> None:
    states = {p.benchmark: BenchmarkProgress(state="waiting", total=p.n) for p in plan.waiting}
    states |= {
        p.benchmark: BenchmarkProgress(state="done", done=p.n, total=p.n) for p in plan.finished
    }
    states |= {
        p.benchmark: BenchmarkProgress(state="failed", reason=(p.problem or {}).get("message", ""))
        for p in plan.impossible
    }
    work = WorkFolder(attempt.engine.settings.work_folder)
    for benchmark, progress in states.items():
        work.note_progress(attempt.progress_key, benchmark, progress)
    announce_queue(attempt.engine.settings)


def _note(attempt: Attempt, benchmark: str, progress: BenchmarkProgress) -> None:
    settings = attempt.engine.settings
    WorkFolder(settings.work_folder).note_progress(attempt.progress_key, benchmark, progress)
    announce_queue(settings)
