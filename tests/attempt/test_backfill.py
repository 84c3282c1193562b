"""A suite gains a benchmark: a finished model is asked that one alone, with stand-ins for engines."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.attempt import course
from evalboard.attempt.course import Steps
from evalboard.attempt.model import Attempt, AttemptEnd
from evalboard.attempt.opening import open_attempt
from evalboard.attempt.running import evaluate_benchmark, load_model, plan_attempt
from evalboard.board.rows import build_rows
from evalboard.demo.models import make_random_model
from evalboard.engine.placing.placement import one_run_at_a_time
from evalboard.errors import LifecycleError
from evalboard.intake.polling import check
from evalboard.intake.submission import EvaluationRequest
from evalboard.queueing.backfill import find_missing, put_back
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue
from evalboard.suites.loader import load_suite

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
SUITE = """
name: growing
title: Growing
benchmarks:
  - {key: a, title: A}
  - {key: b, title: B}
"""
GAINED = "  - {key: c, title: C}\n"


@pytest.fixture
def settings(tmp_path: Path, stand_in_engines: None) -> Iterator[Settings]:
    make_random_model(tmp_path / "models" / "test" / "random")
    suite = tmp_path / "growing.yaml"
    suite.write_text(SUITE, encoding="utf-8")
    with one_run_at_a_time():
        yield Settings.model_validate(
            {
                "home": tmp_path,
                "models": tmp_path / "models",
                "offline": True,
                "suite": str(suite),
                "backend": "hf",
            }
        )


def evaluate(attempt: Attempt) -> AttemptEnd:
    def all_of(
        attempt: Attempt, plans: Sequence[BenchmarkPlan]
    ) -> list[BenchmarkOutcome | BaseException]:
        return [evaluate_benchmark(attempt, plan) for plan in plans]

    # A stand-in notes its calls beside its log, in the only folder that an engine can write to.
    folder = attempt.engine.settings.work_folder / "compiled" / attempt.engine.revision
    folder.mkdir(parents=True, exist_ok=True)
    engine = attempt.engine.model_copy(update={"log_file": folder / "engine.log"})
    attempt = attempt.model_copy(update={"engine": engine})
    steps = Steps(plan=plan_attempt, load=load_model, evaluate=all_of)
    (ended,) = course.run(attempt, steps)
    return ended.end


def only(settings: Settings) -> RequestRecord:
    (entry,) = open_queue(settings).entries()
    assert entry.record is not None
    return entry.record


def test_only_the_gained_benchmark_is_evaluated(settings: Settings) -> None:
    request = EvaluationRequest(model="test/random", precision=Precision.FLOAT32)
    first = evaluate(open_attempt(request, settings, run_id="one", run_url="", now=NOW))
    assert first.scores.keys() == {"a", "b"}, first.failure
    assert find_missing(settings) == []

    Path(settings.suite).write_text(SUITE + GAINED, encoding="utf-8")
    found = find_missing(settings)
    assert [(cells.benchmarks, cells.priority, cells.problem) for cells in found] == [
        (("c",), -1, "")
    ]
    (change,) = put_back(found, settings, now=NOW, by="somebody")
    assert change.problem == ""
    waiting = only(settings)
    assert (waiting.status, waiting.evalboard.priority) == (Status.PENDING, -1)
    (again,) = find_missing(settings)
    assert again.problem == "Its request is PENDING."

    startable = check(change.path, settings, now=NOW).startable
    assert startable
    polled = startable.request
    stale = polled.model_copy(update={"benchmarks": ()})
    with pytest.raises(LifecycleError, match="no longer for these benchmarks"):
        open_attempt(stale, settings, run_id="old", run_url="", now=NOW)
    attempt = open_attempt(polled, settings, run_id="two", run_url="", now=NOW)
    assert attempt.engine.benchmarks == ("c",)
    second = evaluate(attempt)
    assert second.scores.keys() == {"c"}
    ended = only(settings)
    assert (ended.status, ended.evalboard.benchmarks) == (Status.FINISHED, ())
    (row,) = build_rows(open_archive(settings).read().documents, load_suite(settings.suite))
    assert row.ranked
    assert find_missing(settings) == []
