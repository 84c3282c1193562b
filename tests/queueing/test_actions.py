from datetime import timedelta
from typing import Any

import pytest

from evalboard.errors import ConfigError, EvalboardError
from evalboard.lifecycle import is_claimed_by
from evalboard.queueing import actions
from evalboard.queueing.claims import claim_of, this_process
from evalboard.queueing.judging import RunState
from evalboard.queueing.queries import RequestQuery
from evalboard.records.request import Claim, Status
from evalboard.records.times import timestamp
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store
from evalboard.stores.requests import RequestQueue
from tests.queueing.conftest import NOW, Put, make

CLAIM = Claim(run_id="run-1", host="h")


def revision(settings: Settings) -> str:
    return open_store(settings.store_address("requests"), settings).snapshot().revision


@pytest.mark.parametrize("status", [Status.FAILED, Status.REJECTED, Status.CANCELLED])
def test_what_was_stopped_is_started_again(
    status: Status, settings: Settings, put: Put, queue: RequestQueue
) -> None:
    path = put(make(status=status, block={"attempts": 3, "failed_attempts": 3}))
    (acted,) = actions.requeue([RequestQuery("org/model")], settings, now=NOW, by="somebody")
    record = queue.get(path)
    assert acted == actions.RequestChange(path, record)
    assert record.status is Status.PENDING
    assert (record.evalboard.attempts, record.evalboard.failed_attempts) == (3, 0)
    assert record.evalboard.history[-1].reason == "restarted by somebody"


def test_a_pause_is_ended(settings: Settings, put: Put, queue: RequestQueue) -> None:
    path = put(make(block={"retry_after": "2999-01-01T00:00:00Z"}))
    actions.requeue([RequestQuery(path)], settings, now=NOW)
    assert queue.get(path).evalboard.retry_after is None


def test_several_are_one_commit_and_one_that_cannot_be_stops_no_other(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    failed, finished = (
        put(make("org/a", status=Status.FAILED)),
        put(make("org/b", status=Status.FINISHED)),
    )
    again = [RequestQuery("org/a"), RequestQuery("org/b"), RequestQuery(failed)]
    first, second = actions.requeue(again, settings, now=NOW)
    assert (first.path, second.path) == (failed, finished)
    assert second.record is None
    assert "FINISHED" in second.problem
    assert queue.get(failed).status is Status.PENDING


GONE = CLAIM.model_copy(update={"host": "elsewhere", "server": "another"})
HERE = claim_of("run-1", this_process())
LONG_AGO = timestamp(NOW - timedelta(hours=1))


@pytest.mark.parametrize("answers", [None, {}, {"run-1": RunState.DEAD}])
def test_a_claim_that_nobody_can_judge_is_freed_by_a_person(
    answers: dict[str, RunState] | None, settings: Settings, put: Put, queue: RequestQueue
) -> None:
    block = {"claimed_by": GONE, "claimed_time": LONG_AGO, "attempts": 1, "lost_runs": 3}
    path = put(make(status=Status.RUNNING, block=block))
    ask_runs = None if answers is None else lambda _: answers
    actions.requeue([RequestQuery(path)], settings, now=NOW, by="me", ask_runs=ask_runs)
    record = queue.get(path)
    assert (record.status, record.evalboard.lost_runs) == (Status.PENDING, 0)
    assert record.evalboard.history[-1].reason == "restarted by me"


@pytest.mark.parametrize(
    ("claim", "answers", "claimed"),
    [
        (HERE, None, LONG_AGO),
        (GONE, {"run-1": RunState.ALIVE}, LONG_AGO),
        (GONE, {}, timestamp(NOW)),  # the server may be behind
    ],
)
def test_a_run_that_may_be_alive_keeps_its_request(
    claim: Claim,
    answers: dict[str, RunState] | None,
    claimed: str,
    settings: Settings,
    put: Put,
    queue: RequestQueue,
) -> None:
    block = {"claimed_by": claim, "claimed_time": claimed}
    path = put(make(status=Status.RUNNING, block=block))
    ask_runs = None if answers is None else lambda _: answers
    (acted,) = actions.requeue([RequestQuery(path)], settings, now=NOW, ask_runs=ask_runs)
    assert "is being evaluated" in acted.problem
    assert queue.get(path).status is Status.RUNNING


def test_an_unknown_name_changes_nothing(settings: Settings, put: Put) -> None:
    put(make("org/a", status=Status.FAILED))
    before = revision(settings)
    with pytest.raises(ConfigError, match="org/b"):
        actions.requeue([RequestQuery("org/a"), RequestQuery("org/b")], settings, now=NOW)
    assert revision(settings) == before


def test_a_priority_is_set_for_what_waits(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    waiting, running = put(make("org/a")), put(make("org/b", status=Status.RUNNING))
    acted = actions.prioritise([RequestQuery("org/a"), RequestQuery("org/b")], -3, settings)
    assert [bool(one.problem) for one in acted] == [False, True]
    assert queue.get(waiting).evalboard.priority == -3
    assert queue.get(running).evalboard.priority == 0


def test_cancelling_stops_the_run_after_the_request(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    running = put(make("org/a", status=Status.RUNNING, block={"claimed_by": CLAIM}))
    former = put(make("org/b", block={"claimed_by": CLAIM.model_copy(update={"run_id": "old"})}))
    stopped: list[tuple[str, Status]] = []

    def stop_run(run_id: str) -> None:
        stopped.append((run_id, queue.get(running).status))

    wanted = [RequestQuery("org/a"), RequestQuery("org/b")]
    acted = actions.cancel(wanted, settings, now=NOW, by="me", stop_run=stop_run)
    assert [one.path for one in acted] == [running, former]
    assert stopped == [("run-1", Status.CANCELLED)]
    record = queue.get(running)
    assert not is_claimed_by(record, "run-1")
    assert record.evalboard.history[-1].reason == "cancelled by me"
    assert queue.get(former).status is Status.CANCELLED


def test_a_run_that_cannot_be_told_leaves_its_request_cancelled(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    path = put(make(status=Status.RUNNING, block={"claimed_by": CLAIM}))

    def stop_run(run_id: str) -> None:
        raise EvalboardError(f"Prefect does not answer for {run_id}.")

    (acted,) = actions.cancel([RequestQuery(path)], settings, now=NOW, stop_run=stop_run)
    assert acted.problem == "Prefect does not answer for run-1."
    assert acted.record is not None
    assert queue.get(path).status is Status.CANCELLED


@pytest.mark.parametrize("status", [Status.FINISHED, Status.FAILED, Status.REJECTED])
def test_what_has_ended_is_not_cancelled(status: Status, settings: Settings, put: Put) -> None:
    path = put(make(status=status, block={"claimed_by": CLAIM}))
    before = revision(settings)
    stopped: list[Any] = []
    (acted,) = actions.cancel([RequestQuery(path)], settings, now=NOW, stop_run=stopped.append)
    assert acted.record is None
    assert status in acted.problem
    assert (stopped, revision(settings)) == ([], before)
