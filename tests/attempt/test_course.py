"""The course of an attempt, with steps that only note that they were taken."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evalboard.attempt import course
from evalboard.attempt.course import Ended, Steps
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.errors import EvalboardError, HarnessError, LoadFailed
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure, RequestRecord, Status
from tests.engine_facts import FACTS
from tests.engine_specs import engine_spec
from tests.stand_in_engine import outcome_of


@dataclass
class NotedSteps:
    """Steps that note their names; `outcomes` is what benchmarks give, by key."""

    outcomes: dict[str, BenchmarkOutcome | BaseException] = field(default_factory=dict)
    load_error: EvalboardError | None = None
    taken: list[str] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    following: list[Attempt] = field(default_factory=list)
    close_error: Exception | None = None

    def plan(self, attempt: Attempt) -> AttemptPlan:
        self.taken.append("plan")
        waiting = tuple(BenchmarkPlan(benchmark=b, key=b, n=1) for b in self.outcomes)
        return AttemptPlan(
            waiting=waiting, finished=(), impossible=(), facts=FACTS, start_seconds=0.0
        )

    def load(self, attempt: Attempt, plan: AttemptPlan) -> EngineFacts:
        self.taken.append("load")
        if self.load_error:
            raise self.load_error
        return FACTS

    def evaluate(
        self, attempt: Attempt, plans: Sequence[BenchmarkPlan]
    ) -> list[BenchmarkOutcome | BaseException]:
        self.taken.append("evaluate")
        return [self.outcomes[plan.benchmark] for plan in plans]

    def stop(self, attempt: Attempt, facts: EngineFacts | None) -> EngineFacts | None:
        self.taken.append("stop")
        return facts

    def close(
        self,
        attempt: Attempt,
        plan: AttemptPlan | None,
        facts: EngineFacts | None,
        failures: dict[str, Failure],
    ) -> AttemptEnd:
        self.taken.append("close")
        self.failures = failures
        if self.close_error:
            raise self.close_error
        return AttemptEnd(status=Status.FAILED if failures else Status.FINISHED)

    def follow(self, attempt: Attempt) -> Attempt | None:
        return self.following.pop() if self.following else None

    def course(self, attempt: Attempt) -> Generator[Ended]:
        steps = Steps(self.plan, self.load, self.evaluate, self.stop, self.close, self.follow)
        return course.run(attempt, steps)

    def run(self, attempt: Attempt) -> list[Status]:
        return [ended.end.status for ended in self.course(attempt)]


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """An attempt beside the queue."""
    spec = engine_spec(tmp_path)
    return Attempt(
        request=EvaluationRequest(model="test/model"),
        is_trial=True,
        record=RequestRecord(model="test/model", revision="0" * 40),
        request_path=None,
        run_id="run",
        run_url="",
        suite=spec.suite,
        engine=spec,
        started=0.0,
    )


def test_all_steps_are_taken_in_order(attempt: Attempt) -> None:
    steps = NotedSteps({"a": outcome_of("a"), "b": outcome_of("b")})
    assert steps.run(attempt) == [Status.FINISHED]
    assert steps.taken == ["plan", "load", "evaluate", "stop", "close"]


def test_nothing_is_loaded_where_nothing_waits(attempt: Attempt) -> None:
    steps = NotedSteps()
    assert steps.run(attempt) == [Status.FINISHED]
    assert steps.taken == ["plan", "stop", "close"]


def test_a_benchmark_that_fails_leaves_the_others(attempt: Attempt) -> None:
    steps = NotedSteps({"a": HarnessError("no such column"), "b": outcome_of("b")})
    assert steps.run(attempt) == [Status.FAILED]
    assert {key: failure.code for key, failure in steps.failures.items()} == {"a": "task_failed"}


def test_an_attempt_that_cannot_go_on_is_closed_with_the_reason(attempt: Attempt) -> None:
    steps = NotedSteps({"a": outcome_of("a")}, load_error=LoadFailed("bad weights"))
    steps.run(attempt)
    assert steps.taken == ["plan", "load", "stop", "close"]
    assert (steps.failures[""].code, steps.failures[""].message) == ("load_failed", "bad weights")


def test_what_is_unforeseen_stops_the_engines_and_leaves_the_attempt_open(
    attempt: Attempt,
) -> None:
    steps = NotedSteps({"a": outcome_of("a"), "b": RuntimeError("strange")})
    with pytest.raises(RuntimeError, match="strange"):
        steps.run(attempt)
    assert steps.taken == ["plan", "load", "evaluate", "stop"]


def test_the_engines_stay_for_the_next_suite_and_are_stopped_after_the_last(
    attempt: Attempt,
) -> None:
    steps = NotedSteps({"a": outcome_of("a")}, following=[attempt])
    assert steps.run(attempt) == [Status.FINISHED, Status.FINISHED]
    one = ["plan", "load", "evaluate"]
    assert steps.taken == [*one, "close", *one, "stop", "close"]


def test_after_a_failed_load_no_suite_follows(attempt: Attempt) -> None:
    error = LoadFailed("bad weights")
    steps = NotedSteps({"a": outcome_of("a")}, load_error=error, following=[attempt])
    assert steps.run(attempt) == [Status.FAILED]
    assert steps.following == [attempt]


def test_engines_end_if_an_attempt_cannot_be_closed(attempt: Attempt) -> None:
    steps = NotedSteps(
        {"a": outcome_of("a")}, following=[attempt], close_error=RuntimeError("full")
    )
    with pytest.raises(RuntimeError, match="full"):
        steps.run(attempt)
    assert steps.taken == ["plan", "load", "evaluate", "close", "stop"]


def test_engines_end_if_nobody_goes_on(attempt: Attempt) -> None:
    noted = NotedSteps({"a": outcome_of("a")}, following=[attempt])
    run = noted.course(attempt)
    assert next(run).end.status is Status.FINISHED
    run.close()
    assert noted.taken == ["plan", "load", "evaluate", "close", "stop"]
