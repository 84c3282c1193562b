from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalboard.attempt import handing_back
from evalboard.attempt.handing_back import HandedBack, hand_back_all, held_until_claimed, let_go
from evalboard.errors import LifecycleError
from evalboard.lifecycle import claim, move
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import RequestQueue
from evalboard.stores.work import WorkFolder

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CLAIM = Claim(run_id="run-1", host="h")


@pytest.fixture(autouse=True)
def _nothing_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests have claimed in this process."""
    monkeypatch.setattr(handing_back, "_held", {})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate({"home": tmp_path / "home", "suite": "demo", "offline": True})


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_own_queue(settings)


@pytest.fixture
def path(settings: Settings, queue: RequestQueue) -> str:
    """A request that a run of this process has claimed."""
    path = queue.add(RequestRecord(model="org/model", revision="0" * 40))
    with held_until_claimed("run-1", path, settings):
        queue.change(path, lambda record: claim(record, CLAIM, now=NOW), message="claim")
    return path


def test_a_claimed_request_is_handed_back_once(
    settings: Settings, queue: RequestQueue, path: str
) -> None:
    work = WorkFolder(settings.work_folder)
    half = BenchmarkProgress(state="running", done=5, total=10, per_second=1.0)
    done = BenchmarkProgress(state="done", done=10, total=10)
    work.note_progress(path, "one", half)
    work.note_progress(path, "two", done)
    assert hand_back_all("stopped", now=NOW) == [HandedBack(path, Status.PENDING)]
    record = queue.get(path)
    assert (record.status, record.evalboard.attempts) == (Status.PENDING, 1)
    assert record.evalboard.history[-1].reason == "stopped; the answers so far are kept"
    waiting = BenchmarkProgress(state="waiting", done=5, total=10)
    assert work.progress(path) == {"one": waiting, "two": done}
    assert hand_back_all("stopped", now=NOW) == []


def test_a_cancelled_run_leaves_its_request_cancelled(queue: RequestQueue, path: str) -> None:
    done = hand_back_all("stopped", now=NOW, is_cancelled=lambda run: run == "run-1")
    assert done == [HandedBack(path, Status.CANCELLED)]
    assert queue.get(path).evalboard.history[-1].reason == "run run-1 was cancelled"


def test_a_request_that_was_taken_away_stays_as_it_is(queue: RequestQueue, path: str) -> None:
    queue.change(path, lambda record: move(record, Status.CANCELLED, now=NOW), message="cancel")
    assert hand_back_all("stopped", now=NOW) == [HandedBack(path, None)]
    assert queue.get(path).status is Status.CANCELLED


def test_a_run_that_has_ended_or_has_no_claim_hands_nothing_back(
    settings: Settings, queue: RequestQueue, path: str
) -> None:
    let_go("run-1", path)
    with pytest.raises(LifecycleError), held_until_claimed("run-2", path, settings):
        queue.change(
            path,
            lambda record: claim(record, CLAIM.model_copy(update={"run_id": "run-2"}), now=NOW),
            message="claim",
        )
    assert hand_back_all("stopped", now=NOW) == []


def test_a_store_that_refuses_is_told(settings: Settings, path: str) -> None:
    request = Path(settings.store_address("requests")) / path
    request.unlink()
    (done,) = hand_back_all("stopped", now=NOW)
    assert (done.path, done.status) == (path, None)
    assert path in done.problem
