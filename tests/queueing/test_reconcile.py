"""Reconciling against real local stores; Prefect's part is the mapping that a flow would give."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from evalboard.lifecycle import MOST_LOST_RUNS, move
from evalboard.queueing import judging
from evalboard.queueing.claims import claim_of, this_process
from evalboard.queueing.judging import RunState
from evalboard.queueing.reconcile import Correction, claimed_runs, reconcile
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_store
from evalboard.stores.protocol import Write
from evalboard.stores.requests import RequestQueue
from evalboard.suites.loader import load_suite
from tests.queueing.conftest import NOW, SHA, Put, make
from tests.queueing.test_judging import document

AN_HOUR_AGO = timestamp(NOW - timedelta(hours=1))


def running(
    model: str = "org/model", run: str = "run-1", *, host: str = "elsewhere", **block: Any
) -> RequestRecord:
    claim = Claim(run_id=run, host=host)
    fields = {"claimed_by": claim, "claimed_time": AN_HOUR_AGO, "attempts": 1, "suite": "demo"}
    return make(model, status=Status.RUNNING, block=fields | block)


@pytest.fixture
def gone() -> Claim:
    """The claim of a process of this machine that has ended."""
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        claim = claim_of("run-gone", this_process()._replace(pid=process.pid))
    return claim


def paths(changed: list[Correction]) -> list[str]:
    return [one.path for one in changed]


def test_runs_that_have_claimed_something_are_named(settings: Settings, put: Put) -> None:
    put(running("org/a", "run-a"))
    put(running("org/b", "run-b"))
    put(move(running("org/c", "run-c"), Status.PENDING, now=NOW))
    put(make("org/d", status=Status.RUNNING))
    assert claimed_runs(settings) == ["run-a", "run-b"]


def test_dead_and_unknown_runs_give_their_requests_back(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    alive, dead, unknown = (
        put(running(f"org/{name}", name)) for name in ("alive", "dead", "unknown")
    )
    states = {"alive": RunState.ALIVE, "dead": RunState.DEAD}
    done = reconcile(settings, states, now=NOW)
    assert paths(done.released) == [dead, unknown]
    assert "Prefect says that it has ended" in done.released[0].reason
    assert "Prefect does not know it" in done.released[1].reason
    assert queue.get(alive).status is Status.RUNNING
    for path in (dead, unknown):
        record = queue.get(path)
        assert record.status is Status.PENDING
        assert (record.evalboard.attempts, record.evalboard.lost_runs) == (1, 1)
        assert record.evalboard.failure is not None
        assert record.evalboard.failure.code == "run_lost"
    assert reconcile(settings, states, now=NOW).released == []


def test_all_changes_are_one_commit(settings: Settings, put: Put, monkeypatch: Any) -> None:
    for number in range(5):
        put(running(f"org/m{number}", f"run-{number}"))
    store = open_store(settings.store_address("requests"), settings)
    commits: list[int] = []
    commit = type(store).commit

    def counted(self: Any, operations: Any, **options: Any) -> str:
        commits.append(len(operations))
        return commit(self, operations, **options)

    monkeypatch.setattr(type(store), "commit", counted)
    assert len(reconcile(settings, {}, now=NOW).released) == 5
    assert commits == [5]


def test_a_process_that_is_gone_is_believed_before_the_server(
    settings: Settings, put: Put, gone: Claim
) -> None:
    path = put(running(claimed_by=gone))
    done = reconcile(settings, {"run-gone": RunState.ALIVE}, now=NOW)
    assert paths(done.released) == [path]
    assert "its process is gone" in done.released[0].reason


def test_a_process_that_lives_needs_no_server(settings: Settings, put: Put) -> None:
    put(running(claimed_by=claim_of("run-here", this_process())))
    done = reconcile(settings, {}, now=NOW)
    assert (done.released, done.unclear) == ([], [])


def test_a_claim_of_this_minute_is_left_alone(settings: Settings, put: Put) -> None:
    path = put(running(claimed_time=timestamp(NOW - timedelta(seconds=30))))
    assert reconcile(settings, {}, now=NOW).released == []
    later = NOW + timedelta(minutes=2)
    assert paths(reconcile(settings, {}, now=later).released) == [path]


def test_the_runs_of_another_server_are_reported_and_left_alone(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    claim = Claim(run_id="run-1", host="elsewhere", server="http://other/api")
    path = put(running(claimed_by=claim))
    done = reconcile(settings, {}, now=NOW, server="http://mine/api")
    assert done.released == []
    assert done.unclear == [Correction(path, "org/model", "run run-1 on elsewhere")]
    assert queue.get(path).status is Status.RUNNING
    assert paths(reconcile(settings, {}, now=NOW, server="http://other/api").released) == [path]


def test_a_run_that_was_cancelled_cancels_its_request(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    path = put(running())
    done = reconcile(settings, {"run-1": RunState.CANCELLED}, now=NOW)
    assert paths(done.cancelled) == [path]
    assert queue.get(path).status is Status.CANCELLED


def test_a_request_with_all_its_results_is_finished(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    whole, part = put(running("org/model")), put(running("org/part", "run-2"))
    keys = [benchmark.key for benchmark in load_suite("demo").benchmarks]
    archive = open_archive(settings)
    finished = timestamp(NOW - timedelta(minutes=5))
    archive.add(document(*keys, finished=finished), {})
    archive.add(document(keys[0], finished=finished, model_name="org/part"), {})
    done = reconcile(settings, {}, now=NOW)
    assert paths(done.finished) == [whole]
    assert paths(done.released) == [part]
    assert queue.get(whole).status is Status.FINISHED
    assert done.unrequested == []


def test_a_suite_that_is_gone_stops_nothing(settings: Settings, put: Put) -> None:
    path = put(running(suite="no-such-suite"))
    assert paths(reconcile(settings, {}, now=NOW).released) == [path]


def test_a_request_that_loses_all_its_runs_ends_failed(
    settings: Settings, put: Put, queue: RequestQueue
) -> None:
    path = put(running(lost_runs=MOST_LOST_RUNS))
    assert paths(reconcile(settings, {}, now=NOW).failed) == [path]
    assert queue.get(path).status is Status.FAILED


YOUNG = {"claimed_by": {"run_id": "r", "host": "h"}, "claimed_time": timestamp(NOW)}
FOREIGN: dict[str, dict[str, Any]] = {
    "by a claim of another machine": {
        "block": {"claimed_by": {"run_id": "r", "host": "x", "server": "http://x/api"}}
    },
    "by a claim of now": {"block": YOUNG},
    "in the future": {"job_start_time": "2099-01-01T00:00:00Z"},
    "in the past": {"job_start_time": "2001-01-01T00:00:00Z"},
    "without a time": {},
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_another_program_claims_to_work_on_has_a_day_of_this_clock(
    kind: str, settings: Settings, put_unsigned: Put, queue: RequestQueue
) -> None:
    record = make("org/model", status=Status.RUNNING, **FOREIGN[kind])
    path = put_unsigned(record)
    alive = {"r": RunState.ALIVE}
    assert claimed_runs(settings) == []
    first = reconcile(settings, alive, now=NOW)
    assert (paths(first.unverified), first.released, first.unclear) == ([path], [], [])
    put_unsigned(record.model_copy(update={"note": "edited", "job_start_time": "2050-01-01"}), path)
    later = reconcile(settings, alive, now=NOW + timedelta(hours=23))
    assert (paths(later.unverified), later.released) == ([path], [])
    assert queue.get(path).status is Status.RUNNING
    assert paths(reconcile(settings, alive, now=NOW + timedelta(hours=24)).released) == [path]
    released = queue.entry(path)
    assert released.is_signed
    assert released.record is not None
    assert (released.record.status, released.record.evalboard.claimed_by) == (Status.PENDING, None)


def test_a_clock_that_was_set_back_keeps_no_unverified_claim_alive(
    settings: Settings, put_unsigned: Put
) -> None:
    path = put_unsigned(make(status=Status.RUNNING))
    reconcile(settings, {}, now=NOW + timedelta(days=365))
    assert reconcile(settings, {}, now=NOW).released == []
    assert paths(reconcile(settings, {}, now=NOW + timedelta(days=1)).released) == [path]


@pytest.mark.parametrize("memory", [b"", b"[]", b'{"a": 3', b"\xff", b"[" * 9999])
def test_a_torn_memory_of_unverified_claims_begins_anew(
    memory: bytes, settings: Settings, put_unsigned: Put
) -> None:
    path = put_unsigned(make(status=Status.RUNNING))
    settings.signing_folder.mkdir(parents=True, exist_ok=True)
    (settings.signing_folder / "unverified.json").write_bytes(memory)
    assert paths(reconcile(settings, {}, now=NOW).unverified) == [path]
    assert paths(reconcile(settings, {}, now=NOW + timedelta(days=1)).released) == [path]


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(days=10_000)])
def test_a_claim_of_a_clock_that_was_ahead_is_not_young_for_ever(
    ahead: timedelta, settings: Settings, put: Put
) -> None:
    path = put(running(claimed_time=timestamp(NOW + ahead)))
    assert paths(reconcile(settings, {}, now=NOW).released) == [path]


def test_a_request_whose_judgement_fails_is_reported_and_stops_no_other(
    settings: Settings, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = put(running("org/a", "run-a")), put(running("org/b", "run-b"))
    judge = judging.judge

    def fails_once(evidence: judging.RunEvidence, *, is_ours: bool) -> judging.Verdict:
        if evidence.run is RunState.DEAD:
            raise RuntimeError("of no kind that anybody expects")
        return judge(evidence, is_ours=is_ours)

    monkeypatch.setattr("evalboard.queueing.reconcile.judge", fails_once)
    done = reconcile(settings, {"run-a": RunState.DEAD}, now=NOW)
    assert done.problems.keys() == {first}
    assert "RuntimeError" in done.problems[first]
    assert paths(done.released) == [second]


def test_a_request_that_ended_meanwhile_is_left_as_it_is(
    settings: Settings, put: Put, queue: RequestQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(running())
    read = RequestQueue.entries

    def then_it_ends(self: RequestQueue) -> Any:
        entries = read(self)
        if queue.get(path).status is Status.RUNNING:
            put(move(running(), Status.FINISHED, now=NOW), path)
        return entries

    monkeypatch.setattr(RequestQueue, "entries", then_it_ends)
    done = reconcile(settings, {}, now=NOW)
    assert queue.get(path).status is Status.FINISHED
    assert (done.released, done.finished) == ([], [])


def test_results_without_a_request_are_reported(settings: Settings, put: Put) -> None:
    put(make(status=Status.FINISHED))
    archive = open_archive(settings)
    archive.add(document("a"), {"a": b"answers"})
    archive.add(document("a", model_dtype="8bit"), {})
    theirs = "org/model/results_2024-02-10 05:02:37.123456.json"
    nobodys = "org/nobody/results_2024-02-10T05:02:37.json"
    open_store(settings.store_address("results"), settings).commit(
        [Write(theirs, b"{}"), Write(nobodys, b"{}")], message="theirs"
    )
    done = reconcile(settings, {}, now=NOW)
    assert done.unrequested == [f"org/model/{SHA}/8bit_Original/demo", nobodys]


def test_files_that_cannot_be_read_stop_nothing(settings: Settings, put: Put) -> None:
    path = put(running())
    strange = [("a.json", b"\xff"), ("b.json", b"[" * 10_000), ("c.json", b"{}")]
    open_store(settings.store_address("requests"), settings).commit(
        [Write(name, content) for name, content in strange], message="strange"
    )
    assert paths(reconcile(settings, {}, now=NOW).released) == [path]
