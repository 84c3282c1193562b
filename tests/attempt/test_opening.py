from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.attempt.opening import open_attempt, open_trial
from evalboard.demo.models import make_random_model
from evalboard.errors import ConfigError, LifecycleError, ValidationFailed
from evalboard.intake.submission import EvaluationRequest
from evalboard.lifecycle import claim, move
from evalboard.records.precision import Precision
from evalboard.records.request import Claim, Failure, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import RequestQueue

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
REQUEST = EvaluationRequest(model="test/random", precision=Precision.FLOAT32)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_random_model(folder / "test" / "random")
    return folder


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path, "models": models, "offline": True, "suite": "demo"}
    )


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)


def only(queue: RequestQueue) -> RequestRecord:
    (entry,) = queue.entries()
    assert entry.record is not None
    return entry.record


def test_request_is_made_pinned_and_claimed(settings: Settings, queue: RequestQueue) -> None:
    attempt = open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    record = only(queue)
    assert record.status is Status.RUNNING
    assert len(record.revision) == 40
    assert record.job_id == "one"
    assert record.evalboard.attempts == 1
    assert attempt.record == record
    assert attempt.engine.revision == record.revision


def test_second_claim_loses(settings: Settings, queue: RequestQueue) -> None:
    open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    with pytest.raises(LifecycleError, match="run one"):
        open_attempt(REQUEST, settings, run_id="two", run_url="", now=NOW)
    assert only(queue).job_id == "one"


def test_claim_of_a_process_that_is_gone_is_taken_over(
    settings: Settings, queue: RequestQueue
) -> None:
    attempt = open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    assert attempt.request_path

    def as_left_by_a_process_of_long_ago(record: RequestRecord) -> RequestRecord:
        held = record.evalboard.claimed_by
        assert held is not None
        gone = Claim.model_validate({**held.model_dump(), "started": 1.0})
        block = record.evalboard.model_copy(update={"claimed_by": gone})
        return record.model_copy(update={"evalboard": block})

    queue.change(attempt.request_path, as_left_by_a_process_of_long_ago, message="test")
    open_attempt(REQUEST, settings, run_id="two", run_url="", now=NOW)
    assert only(queue).job_id == "two"
    assert only(queue).evalboard.attempts == 2


def test_failed_request_is_started_again_by_hand_and_a_finished_one_is_not(
    settings: Settings, queue: RequestQueue
) -> None:
    attempt = open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    assert attempt.request_path
    failure = Failure(code="engine_died", message="It died.")
    queue.change(
        attempt.request_path,
        lambda r: move(r, Status.FAILED, now=NOW, failure=failure),
        message="test",
    )
    open_attempt(REQUEST, settings, run_id="two", run_url="", now=NOW)
    assert only(queue).evalboard.failure is None
    queue.change(attempt.request_path, lambda r: move(r, Status.FINISHED, now=NOW), message="test")
    with pytest.raises(LifecycleError, match="finished"):
        open_attempt(REQUEST, settings, run_id="three", run_url="", now=NOW)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
def test_a_run_of_the_poll_takes_a_request_that_has_ended_only_if_a_person_repeats_it(
    settings: Settings, queue: RequestQueue, status: Status
) -> None:
    attempt = open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    path = attempt.request_path or ""
    queue.change(path, lambda r: move(r, status, now=NOW, reason="test"), message="test")
    polled = REQUEST.model_copy(update={"request_path": path, "revision": only(queue).revision})
    with pytest.raises(LifecycleError):
        open_attempt(polled, settings, run_id="one", run_url="", now=NOW)
    assert only(queue).status is status
    open_attempt(polled, settings, run_id="one", run_url="", now=NOW, is_repeated=True)
    assert (only(queue).status, only(queue).evalboard.attempts) == (Status.RUNNING, 2)


def test_claim_that_somebody_else_makes_meanwhile_wins(
    settings: Settings, queue: RequestQueue
) -> None:
    """A claim decided on an older revision of the store must not overwrite a newer one."""
    pending = open_attempt(REQUEST, settings, run_id="one", run_url="", now=NOW)
    assert pending.request_path
    path = pending.request_path
    queue.change(path, lambda r: move(r, Status.PENDING, now=NOW), message="test")
    other = open_queue(settings)
    interfered: list[bool] = []

    def decide(record: RequestRecord) -> RequestRecord:
        if not interfered:
            interfered.append(True)
            other.change(
                path,
                lambda r: claim(r, Claim(run_id="faster", host="elsewhere"), now=NOW),
                message="test",
            )
        return claim(record, Claim(run_id="slower", host="here"), now=NOW)

    with pytest.raises(LifecycleError):
        queue.change(path, decide, message="test")
    assert only(queue).job_id == "faster"


@pytest.mark.parametrize(
    ("change", "trial"),
    [({"limit": 5}, True), ({"num_fewshot": 2}, True), ({"benchmarks": ("demo_anatomy",)}, False)],
)
def test_trials_and_parts_leave_the_queue_alone(
    settings: Settings, queue: RequestQueue, change: dict[str, object], trial: bool
) -> None:
    request = REQUEST.model_copy(update=change)
    attempt = open_attempt(request, settings, run_id="one", run_url="", now=NOW)
    assert attempt.request_path is None
    assert attempt.is_trial is trial
    assert queue.entries() == []


def test_what_cannot_be_evaluated_is_refused_before_anything_is_written(
    settings: Settings, queue: RequestQueue
) -> None:
    missing = REQUEST.model_copy(update={"model": "test/nowhere"})
    with pytest.raises(ValidationFailed, match="test/nowhere"):
        open_attempt(missing, settings, run_id="one", run_url="", now=NOW)
    unknown = REQUEST.model_copy(update={"benchmarks": ("nothing",)})
    with pytest.raises(ConfigError, match="demo_anatomy"):
        open_trial(unknown, settings, run_id="one", now=NOW)
    assert queue.entries() == []
