from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.attempt.closing import close_attempt, model_config, scores_of
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.board.rows import read_attempts
from evalboard.board.table import build_board
from evalboard.identity import document_folder
from evalboard.records.earned import AnswersName
from evalboard.records.outcome import BenchmarkOutcome, BenchmarkPlan, TaskOutcome
from evalboard.records.parquet import parquet_file
from evalboard.records.precision import Precision
from evalboard.records.request import BoardBlock, Failure, RequestRecord, Status
from evalboard.stores.addresses import open_archive, open_queue
from evalboard.stores.work import WorkFolder
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite
from tests.attempt.claimed import claimed
from tests.engine_facts import FACTS
from tests.engine_specs import REVISION, engine_spec
from tests.metrics.test_rounds import ORDERS, RIGHT, stored
from tests.stand_in_engine import outcome_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
BENCHMARKS = tuple(b.key for b in load_suite("demo").benchmarks)


def task(name: str, score: float) -> TaskOutcome:
    return TaskOutcome(
        task=name,
        metrics={"acc,none": score},
        version=1.0,
        n_original=10,
        n_effective=4,
        task_hash=f"hash of {name}",
        config={"task": name},
    )


def outcome(benchmark: str, tasks: list[TaskOutcome], metrics: dict[str, Any]) -> BenchmarkOutcome:
    return BenchmarkOutcome(
        benchmark=benchmark,
        key="key",
        tasks=tuple(tasks),
        metrics=metrics,
        num_fewshot=5,
        dataset_fingerprint="print",
        seconds=1.0,
    )


def test_a_group_stands_beside_its_subjects_as_in_lm_evals_documents() -> None:
    single, anatomy, virology = task("arc", 0.5), task("anatomy", 0.2), task("virology", 0.4)
    mean = {"acc,none": 0.3, "acc_stderr,none": 0.1}
    scores = scores_of(
        [outcome("arc_key", [single], single.metrics), outcome("mmlu", [anatomy, virology], mean)]
    )
    tasks = ["arc", "anatomy", "virology"]
    assert scores["results"] == {
        "arc": {"acc,none": 0.5},
        "anatomy": {"acc,none": 0.2},
        "virology": {"acc,none": 0.4},
        "mmlu": mean,
    }
    assert scores["group_subtasks"] == {"mmlu": ["anatomy", "virology"]}
    assert scores["versions"] == dict.fromkeys(tasks, 1.0)
    assert scores["n-shot"] == dict.fromkeys(tasks, 5)
    assert scores["n-samples"] == dict.fromkeys(tasks, {"original": 10, "effective": 4})
    assert scores["task_hashes"] == {name: f"hash of {name}" for name in tasks}
    assert scores["configs"] == {name: {"task": name} for name in tasks}


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, ("", None, None)),
        ({"facts": {}}, ("", False, False)),
        ({"facts": {"license": "mit", "merged": True}}, ("mit", True, False)),
        ({"facts": {"moe": True}}, ("", False, True)),
    ],
)
def test_a_document_tells_what_the_checks_found(
    report: dict[str, Any] | None, told: tuple[str, bool | None, bool | None]
) -> None:
    record = RequestRecord(model="org/m", revision="a" * 40, evalboard=BoardBlock(report=report))
    config = model_config(record, FACTS)
    assert (config.license, config.merged, config.moe) == told


@pytest.fixture
def begin(tmp_path: Path) -> Callable[..., Attempt]:
    """Return a function that claims a new request of one model."""

    def claim_it(run: str, precision: Precision = Precision.FLOAT16) -> Attempt:
        record = RequestRecord(model="test/model", revision=REVISION, precision=precision)
        return claimed(engine_spec(tmp_path), record, run, now=NOW)

    return claim_it


def close(
    attempt: Attempt, *, kept: tuple[str, ...], failures: Mapping[str, Failure] | None = None
) -> tuple[AttemptEnd, RequestRecord]:
    """Close an attempt that evaluated everything. The work folder has the results of `kept`."""
    outcomes = {key: outcome_of(key) for key in BENCHMARKS}
    for benchmark in kept:
        WorkFolder(attempt.engine.settings.work_folder).keep(outcomes[benchmark], b"answers")
    plan = AttemptPlan(
        waiting=tuple(
            BenchmarkPlan(benchmark=o.benchmark, key=o.key, n=1) for o in outcomes.values()
        ),
        finished=(),
        impossible=(),
        facts=FACTS,
        start_seconds=0.0,
    )
    end = close_attempt(attempt, plan, FACTS, failures or {}, now=NOW)
    return end, open_queue(attempt.engine.settings).get(attempt.request_path or "")


def test_a_result_that_is_nowhere_is_a_failure_and_the_others_are_stored(
    begin: Callable[..., Attempt],
) -> None:
    attempt = begin("run-1")
    *kept, lost = BENCHMARKS
    end, record = close(attempt, kept=tuple(kept))
    assert end.failure is not None
    assert (end.status, end.failure.code) == (Status.FAILED, "store")
    assert f"The result of {lost!r} is missing from work folder" in end.failure.message
    assert record.status is Status.PENDING  # again after a pause
    (document,) = open_archive(attempt.engine.settings).read().documents
    assert set(document.evalboard.benchmark_keys) == set(kept)
    assert set(document.evalboard.failures) == {lost}


def test_a_result_that_another_run_has_stored_is_not_missing(begin: Callable[..., Attempt]) -> None:
    first_attempt, other = begin("run-1"), begin("run-2", Precision.FLOAT32)
    alike = {"precision": first_attempt.record.precision}  # the same row
    other = other.model_copy(update={"record": other.record.model_copy(update=alike)})
    _, first = close(first_attempt, kept=BENCHMARKS)
    _, second = close(other, kept=())
    reasons = [record.evalboard.history[-1].reason for record in (first, second)]
    assert (first.status, second.status) == (Status.FINISHED, Status.FINISHED)
    assert reasons == ["3 benchmarks stored", "all benchmarks were stored earlier"]


def test_answers_that_are_no_numbers_do_not_stay_in_the_work_folder(
    begin: Callable[..., Attempt],
) -> None:
    attempt = begin("run-1")
    work = WorkFolder(attempt.engine.settings.work_folder)
    stored, wrong, interrupted = BENCHMARKS
    files = {key: work.answers_file(key, outcome_of(key).key) for key in (wrong, interrupted)}
    for file in files.values():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n", encoding="utf-8")
    failures = {
        wrong: Failure(code="not_finite", message="NaN"),
        interrupted: Failure(code="time_out", message="too slow"),
    }
    _, record = close(attempt, kept=(stored,), failures=failures)
    assert record.status is Status.FAILED
    assert not files[wrong].exists()
    assert files[interrupted].exists()  # the next attempt continues there


def test_questions_in_several_orders_get_their_figures(tmp_path: Path) -> None:
    suite = Suite(name="orders", title="Orders", benchmarks=(ORDERS,))
    spec = engine_spec(tmp_path, suite=suite, benchmarks=(ORDERS.key,))
    record = RequestRecord(model="test/model", revision=REVISION)
    attempt = claimed(spec, record, "run-1", now=NOW)
    tasks = [task(t, 0.25).model_copy(update={"n_original": 4}) for t in ORDERS.tasks]
    made = outcome(ORDERS.key, tasks, {"acc,none": 0.25, "acc_stderr,none": 0.001})
    made = made.model_copy(update={"num_fewshot": 0})
    asked = stored(["AAAA"] * 4, RIGHT).table
    WorkFolder(spec.settings.work_folder).keep(made, parquet_file(asked))
    waiting = (BenchmarkPlan(benchmark=made.benchmark, key=made.key, n=16),)
    plan = AttemptPlan(waiting=waiting, finished=(), impossible=(), facts=FACTS, start_seconds=0.0)
    end = close_attempt(attempt, plan, FACTS, {}, now=NOW)
    assert end.scores == {ORDERS.key: 0.25}
    (document,) = open_archive(spec.settings).read().documents
    assert document.results[ORDERS.key] == pytest.approx(
        {
            "acc,none": 0.25,
            "acc_stderr,none": 0.0,
            "right_under_all,none": 0.0,
            "flip_rate,none": 1.0,
            "position_bias,none": 0.75,
            "original_advantage,none": 0.0,
            "original_z,none": 0.0,
        }
    )
    board = build_board(read_attempts([document], suite), suite, revision="r", now=NOW).frame
    row = board.to_dict("records")[0]
    assert (row["flip_rate"], row["s__flip_rate"], row["position_bias"]) == (1.0, 1.0, 0.75)
    name = AnswersName(document_folder(document), ORDERS.key, True, is_repeated=True)
    ((_, earned),) = open_archive(spec.settings).snapshot().earned([name])
    assert (earned.parts, earned.values.tolist()) == ((4,), [0.25] * 4)
