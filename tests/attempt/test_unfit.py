"""A machine that cannot run engines gives its request back and takes no other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.attempt import course, running
from evalboard.attempt.course import Steps
from evalboard.attempt.model import Attempt, AttemptEnd, AttemptPlan
from evalboard.attempt.opening import open_attempt
from evalboard.engine import fitness
from evalboard.engine.examining import why_unfit
from evalboard.errors import EngineError, MachineUnfit, NodeUnfit
from evalboard.intake.polling import view_queue
from evalboard.lifecycle import is_pausing
from evalboard.records.outcome import BenchmarkPlan
from evalboard.records.request import RequestRecord, Status
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import RequestQueue
from tests.attempt.claimed import claimed
from tests.engine_specs import engine_folder, engine_spec

NOW = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = pytest.mark.usefixtures("forked_stand_ins")


@pytest.fixture
def queue(tmp_path: Path) -> RequestQueue:
    return open_queue(engine_spec(tmp_path).settings)


@pytest.fixture
def attempt(tmp_path: Path) -> Attempt:
    """An attempt whose engine finds the disk full."""
    (engine_folder(tmp_path) / "load.unfit").write_text("1", encoding="utf-8")
    record = RequestRecord(model="test/model", revision="0" * 40)
    return claimed(engine_spec(tmp_path, is_only_run=True), record, "run-1", now=NOW)


def run(attempt: Attempt) -> AttemptEnd:
    def evaluate(_: Attempt, plans: Sequence[BenchmarkPlan]) -> list[Any]:
        return [EngineError("It was not loaded.") for _ in plans]

    steps = Steps(running.plan_attempt, running.load_model, evaluate)
    (ended,) = course.run(attempt, steps)
    return ended.end


def test_a_request_is_given_back_and_the_machine_takes_none(
    attempt: Attempt, queue: RequestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = attempt.engine.settings
    with monkeypatch.context() as full:
        full.setattr(fitness, "LEAST_DISK_BYTES", 2**60)
        full.setattr(fitness, "USUAL_DISK_BYTES", 2**60)
        end = run(attempt)
        seen = view_queue(settings, now=NOW)
        with pytest.raises(MachineUnfit, match="takes no requests"):
            open_attempt(attempt.request, settings, run_id="run-2", run_url="", now=NOW)
    assert end.failure is not None
    assert end.failure.code == MachineUnfit.code
    record = queue.get(attempt.request_path or "")
    block = record.evalboard
    assert (record.status, block.failed_attempts, block.lost_runs) == (Status.PENDING, 0, 1)
    assert (seen.paths, seen.free_slots) == ([attempt.request_path], 0)
    assert "takes no requests" in seen.warning
    assert why_unfit(settings) == ""
    assert view_queue(settings, now=NOW).free_slots > 0


def test_a_file_that_only_quotes_such_an_error_stops_nothing(
    attempt: Attempt, queue: RequestQueue
) -> None:
    run(attempt)
    record = queue.get(attempt.request_path or "")
    assert (record.status, record.evalboard.failed_attempts) == (Status.PENDING, 1)
    assert record.evalboard.failure is not None
    assert "No space left on device" in record.evalboard.failure.message
    assert view_queue(attempt.engine.settings, now=NOW).free_slots > 0


def test_a_request_waits_for_a_fit_machine_of_the_cluster(
    attempt: Attempt, queue: RequestQueue
) -> None:
    def find_none(_: Attempt) -> AttemptPlan:
        raise NodeUnfit("Machine 'node-1' has a full disk.")

    list(course.run(attempt, Steps(find_none, running.load_model, lambda *_: [])))
    record = queue.get(attempt.request_path or "")
    block = record.evalboard
    assert (record.status, block.failed_attempts, block.lost_runs) == (Status.PENDING, 0, 1)
    assert block.failure is not None
    assert "node-1" in block.failure.message
    assert is_pausing(record, datetime.now(UTC))
    assert why_unfit(attempt.engine.settings) == ""
