"""The evaluation that is only pretended: no engine, made-up scores, real files in the work folder."""

import hashlib
import time
from collections.abc import Callable

from evalboard.attempt import running
from evalboard.attempt.model import Attempt, AttemptPlan
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts, TaskOutcome
from evalboard.records.request import Failure
from evalboard.stores.work import WorkFolder
from evalboard.suites.model import Benchmark
from tests.engine_facts import FACTS
from tests.soak.scenario import loses_its_engine
from tests.soak.striking import Moment

QUESTIONS = 10
SECONDS = 0.005
"""That one benchmark takes."""


class PretendedPool:
    """Stands in for the engines of an attempt where the plan asks them."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def plan(self) -> tuple[list[BenchmarkPlan], EngineFacts]:
        """Return every benchmark with its key, which is that of a model and no other."""
        return [
            BenchmarkPlan(benchmark=b.key, key=_key(self._attempt, b), n=QUESTIONS)
            for b in self._attempt.benchmarks
        ], FACTS


def plan(attempt: Attempt) -> AttemptPlan:
    """Return what is to be done, by the product's own rules."""
    running._pools[attempt.engine.name] = PretendedPool(attempt)  # pyright: ignore[reportArgumentType]
    try:
        return running.plan_attempt(attempt)
    finally:
        del running._pools[attempt.engine.name]


def evaluate(
    attempt: Attempt, plan: AttemptPlan, reach: Callable[[Moment], None]
) -> dict[str, Failure]:
    """Do what the plan says, benchmark by benchmark; return what failed."""
    work = WorkFolder(attempt.engine.settings.work_folder)
    for number, waiting in enumerate(plan.waiting, start=1):
        (benchmark,) = attempt.suite.select((waiting.benchmark,))
        time.sleep(SECONDS)
        if number == len(plan.waiting) and loses_its_engine(attempt.record):
            return {benchmark.key: Failure(code="engine_died", message="It was to die.")}
        work.keep(_outcome(benchmark, waiting.key), f"PAR1 {waiting.key}".encode())
        reach(Moment.BETWEEN)
    return {}


def _key(attempt: Attempt, benchmark: Benchmark) -> str:
    named = f"{attempt.record.model} {attempt.record.revision} {benchmark.key}"
    return hashlib.sha256(named.encode()).hexdigest()


def _outcome(benchmark: Benchmark, key: str) -> BenchmarkOutcome:
    metrics = {benchmark.metric: int(key[:4], 16) / 0xFFFF, benchmark.stderr_metric: 0.1}
    task = TaskOutcome(
        task=benchmark.task_name,
        metrics=metrics,
        version=1.0,
        n_original=QUESTIONS,
        n_effective=QUESTIONS,
        task_hash="0",
        config={},
    )
    return BenchmarkOutcome(
        benchmark=benchmark.key,
        key=key,
        tasks=(task,),
        metrics=metrics,
        num_fewshot=0,
        dataset_fingerprint="0",
        seconds=SECONDS,
    )
