from datetime import timedelta

from evalboard.queueing.overview import overview
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.request import Claim, Status
from evalboard.records.times import timestamp
from evalboard.settings import Settings
from evalboard.stores.work import WorkFolder
from tests.queueing.conftest import NOW, Put, make


def ago(minutes: float) -> str:
    return timestamp(NOW - timedelta(minutes=minutes))


def test_the_queue_with_progress_and_expected_times(settings: Settings, put: Put) -> None:
    claim = {"claimed_by": Claim(run_id="r", host="h"), "claimed_time": ago(30)}
    ended = {"history": [{"status": "FINISHED", "time": ago(10)}]}
    put(make("org/done", status=Status.FINISHED, block=claim | ended))
    at_work = put(make("org/runs", status=Status.RUNNING, block=claim))
    put(make("org/second", submitted_time=ago(1)))
    put(make("org/first", submitted_time=ago(2)))
    put(make("org/pausing", block={"retry_after": ago(-1)}))
    progress = BenchmarkProgress(state="running", done=40, total=100, per_second=2.0)
    WorkFolder(settings.work_folder).note_progress(at_work, "a", progress)

    entries = overview(settings, now=NOW, run_url=lambda run_id: f"http://runs/{run_id}")

    shown = [(e.model, e.position, e.seconds_left) for e in entries]
    assert shown == [
        ("org/runs", None, 30.0),
        ("org/first", 1, 1200.0),
        ("org/second", 2, 2400.0),
        ("org/pausing", None, None),
        ("org/done", None, None),
    ]
    assert entries[0].benchmarks == {"a": progress}
    assert entries[0].run_url == "http://runs/r"
    assert entries[3].retry_after == ago(-1)


def test_requests_that_were_finished_long_ago_show_no_progress(
    settings: Settings, put: Put
) -> None:
    done = BenchmarkProgress(state="done", done=100, total=100)
    for model, minutes in (("org/today", 60), ("org/long-ago", 2 * 24 * 60)):
        history = [{"status": "FINISHED", "time": ago(minutes)}]
        claim = {"claimed_by": Claim(run_id="r", host="h"), "claimed_time": ago(minutes)}
        path = put(make(model, status=Status.FINISHED, block={"history": history} | claim))
        WorkFolder(settings.work_folder).note_progress(path, "a", done)

    entries = overview(settings, now=NOW, run_url=str)

    assert {e.model: e.benchmarks for e in entries} == {
        "org/today": {"a": done},
        "org/long-ago": {},
    }
