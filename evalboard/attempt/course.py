"""The course of one run: plan, load, evaluate every benchmark, stop the engines, close.

If the model waits for further suites, the engines stay for them, and each is planned, evaluated and
closed in the same way.

The caller passes in the steps: the flow passes its tasks, which Prefect shows and retries, and the
command line its own functions.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from evalboard.attempt import closing, following, running
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.watching import watched_claim
from evalboard.errors import EvalboardError, Interrupted
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, EngineFacts
from evalboard.records.request import Failure


def _close(
    attempt: Attempt,
    plan: AttemptPlan | None,
    facts: EngineFacts | None,
    failures: dict[str, Failure],
) -> AttemptEnd:
    return closing.close_attempt(attempt, plan, facts, failures, now=datetime.now(UTC))


def _follow(attempt: Attempt) -> Attempt | None:
    return following.follow(attempt, now=datetime.now(UTC))


class Ended(NamedTuple):
    """An attempt with its end."""

    attempt: Attempt
    end: AttemptEnd


@dataclass(frozen=True)
class Steps:
    """The steps of an attempt. An `EvalboardError` in a step ends the attempt's work."""

    plan: Callable[[Attempt], AttemptPlan]
    load: Callable[[Attempt, AttemptPlan], EngineFacts]
    evaluate: Callable[
        [Attempt, Sequence[BenchmarkPlan]], Sequence[BenchmarkOutcome | BaseException]
    ]
    """Runs all benchmarks and waits for them. Returns the result or the error of each, in the given
    order.
    """
    stop: Callable[[Attempt, EngineFacts | None], EngineFacts | None] = running.stop_engines
    close: Callable[
        [Attempt, AttemptPlan | None, EngineFacts | None, dict[str, Failure]], AttemptEnd
    ] = _close
    follow: Callable[[Attempt], Attempt | None] = _follow
    """Claims the next suite of the model, before the attempt is closed. None: there is none."""


def run(attempt: Attempt, steps: Steps) -> Generator[Ended]:
    """Evaluate every benchmark and close the attempt, also after a failure. Yield its end.

    Then do the same for the further suites that the model waits for. A caller that does not go on
    ends the engines.

    The claim is watched while there are engines to stop. Closing checks it again. If the process
    is ended, nothing is closed: the work goes on in another one.
    """
    following: Attempt | None = attempt
    while following:
        current = following
        end, following = _run_one(current, steps)
        try:
            yield Ended(current, end)
        except GeneratorExit:
            if following:
                steps.stop(following, None)
            raise


def _run_one(attempt: Attempt, steps: Steps) -> tuple[AttemptEnd, Attempt | None]:
    """Return the end of an attempt, and the one that follows on its engines, if there is one."""
    following: Attempt | None = None
    plan: AttemptPlan | None = None
    facts: EngineFacts | None = None
    failures: dict[str, Failure] = {}
    try:
        with watched_claim(attempt):
            plan = steps.plan(attempt)
            if plan.waiting:
                facts = steps.load(attempt, plan)
                failures = _failures(attempt, plan.waiting, steps.evaluate(attempt, plan.waiting))
        following = steps.follow(attempt)
    except EvalboardError as exc:
        failures[""] = closing.failure_of(exc, attempt)
    except Exception:
        raise
    except BaseException:  # a signal: no thread tries again what fails now
        running.abandon(attempt, Interrupted("The process of this run is being ended."))
        raise
    finally:
        facts = running.final_facts(attempt, facts)
        if following is None:
            facts = steps.stop(attempt, facts)
    try:
        return steps.close(attempt, plan, facts, failures), following
    except BaseException:
        if following:
            steps.stop(following, None)
        raise


def _failures(
    attempt: Attempt,
    plans: Sequence[BenchmarkPlan],
    outcomes: Sequence[BenchmarkOutcome | BaseException],
) -> dict[str, Failure]:
    """Return the failures by benchmark. Raise errors from outside the project."""
    failures: dict[str, Failure] = {}
    for plan, outcome in zip(plans, outcomes, strict=True):
        if isinstance(outcome, EvalboardError):
            failures[plan.benchmark] = closing.failure_of(outcome, attempt)
        elif isinstance(outcome, BaseException):
            raise outcome
    return failures
