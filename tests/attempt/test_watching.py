"""A run looks whether its request is still its own; engines are real processes on a real Ray."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.attempt import running
from evalboard.attempt.model import Attempt
from evalboard.attempt.watching import watched_claim
from evalboard.errors import ClaimLost
from evalboard.lifecycle import move
from evalboard.records.request import RequestRecord, Status
from evalboard.stores.addresses import open_queue
from tests.attempt.claimed import claimed
from tests.engine_specs import engine_folder, engine_spec
from tests.stand_in_engine import calls

NOW = datetime(2026, 11, 21, tzinfo=UTC)
RUN = "run-1"


pytestmark = pytest.mark.usefixtures("forked_stand_ins")


@pytest.fixture
def attempt(tmp_path: Path) -> Iterator[Attempt]:
    (engine_folder(tmp_path) / "load.waits").write_text("never 1", encoding="utf-8")
    record = RequestRecord(model="test/model", revision="0" * 40)
    attempt = claimed(engine_spec(tmp_path, is_only_run=True), record, RUN, now=NOW)
    yield attempt
    running.stop_engines(attempt, None)


def change(attempt: Attempt, *statuses: Status) -> None:
    queue = open_queue(attempt.engine.settings)
    for status in statuses:
        queue.change(
            attempt.request_path or "",
            lambda record, status=status: move(record, status, now=NOW, reason="test"),
            message="test",
        )


def cancel_when_loading(attempt: Attempt, *statuses: Status) -> None:
    """Change the request as soon as the engine is at work."""
    while not calls(attempt.engine.log_file.parent):
        threading.Event().wait(0.05)
    change(attempt, *statuses)


@pytest.mark.parametrize(
    "statuses", [(Status.CANCELLED,), (Status.PENDING,), (Status.PENDING, Status.CANCELLED)]
)
def test_a_request_that_is_taken_away_ends_its_engines(
    attempt: Attempt, statuses: tuple[Status, ...]
) -> None:
    other = threading.Thread(target=cancel_when_loading, args=(attempt, *statuses))
    other.start()
    pool = running._pool(attempt)  # pyright: ignore[reportPrivateUsage]
    with watched_claim(attempt, every_seconds=0.1), pytest.raises(ClaimLost) as caught:
        pool.load()
    other.join()
    # It may have looked between two changes.
    assert any(str(status) in caught.value.message for status in statuses)
    ((_, pid, _),) = calls(attempt.engine.log_file.parent)
    while Path(f"/proc/{pid}").exists():  # Ray ends it in its own time
        threading.Event().wait(0.05)
    with pytest.raises(ClaimLost):
        pool.load()


def test_a_request_that_cannot_be_read_for_a_while_is_still_watched(attempt: Attempt) -> None:
    settings = attempt.engine.settings
    path = Path(settings.store_address("requests")) / (attempt.request_path or "")
    whole = path.read_bytes()
    pool = running._pool(attempt)  # pyright: ignore[reportPrivateUsage]
    with watched_claim(attempt, every_seconds=0.01):
        path.write_bytes(b"{")
        threading.Event().wait(0.3)
        path.write_bytes(whole)
        change(attempt, Status.CANCELLED)
        while pool._stopped_by is None:  # pyright: ignore[reportPrivateUsage]
            threading.Event().wait(0.05)
    with pytest.raises(ClaimLost):
        pool.load()


def test_a_request_that_stays_is_left_alone(attempt: Attempt) -> None:
    with watched_claim(attempt, every_seconds=0.01):
        threading.Event().wait(0.3)
    assert not running._pool(attempt)._stopped_by  # pyright: ignore[reportPrivateUsage]


def test_a_run_beside_the_queue_is_not_watched(attempt: Attempt) -> None:
    beside = attempt.model_copy(update={"request_path": None})
    before = threading.active_count()
    with watched_claim(beside, every_seconds=0.01):
        assert threading.active_count() == before
