import pytest

from evalboard.board.waiting_times import (
    MAX_REQUESTS_AVERAGED,
    mean_duration,
    seconds_left,
    seconds_until_done,
)
from evalboard.records.board_files import BenchmarkProgress
from evalboard.records.request import Status

RUNS = BenchmarkProgress(state="running", done=40, total=100, per_second=2.0)
WAITS = BenchmarkProgress(state="waiting", total=60)
DONE = BenchmarkProgress(state="done", done=10, total=10)
FAILED = BenchmarkProgress(state="failed")
SLOW = BenchmarkProgress(state="running", done=0, total=100)


def finished(request_record, day, seconds, **block):
    start = f"2026-11-{day:02}T10:00:00Z"
    end = f"2026-11-{day:02}T10:{seconds // 60:02}:{seconds % 60:02}Z"
    return request_record(
        status=Status.FINISHED,
        history=((Status.FINISHED, end, ""),),
        block={"claimed_time": start} | block,
    )


def test_the_mean_is_of_finished_requests_alone(request_record):
    records = [
        finished(request_record, 1, 60),
        finished(request_record, 2, 120),
        request_record(status=Status.FAILED, history=((Status.FAILED, "2026-11-01T", ""),)),
        request_record(status=Status.FINISHED),
        finished(request_record, 3, 5, claimed_time=None),
    ]
    assert mean_duration(records) == 90
    assert mean_duration(records[2:]) is None


def test_the_latest_tell_how_long_one_takes(request_record):
    old = [finished(request_record, 1, 1000)] * 5
    assert mean_duration([finished(request_record, 2, 10)] * MAX_REQUESTS_AVERAGED + old) == 10


@pytest.mark.parametrize(
    ("position", "running", "seconds"),
    [(1, 0, 100), (1, 1, 100), (3, 1, 300), (3, 2, 200), (4, 2, 200), (5, 8, 100)],
)
def test_who_waits_is_done_after_those_before(position, running, seconds):
    assert seconds_until_done(position, running=running, duration=100) == seconds


def test_nobody_knows_how_long_the_first_one_takes():
    assert seconds_until_done(1, running=1, duration=None) is None


@pytest.mark.parametrize(
    ("benchmarks", "seconds"),
    [
        ([RUNS], 30),
        ([RUNS, RUNS], 30),
        ([RUNS, WAITS, DONE, FAILED], 60),
        ([DONE, FAILED], 0),
        ([], None),
        ([WAITS], None),
        ([SLOW], None),
        ([RUNS, BenchmarkProgress(state="waiting")], None),
    ],
)
def test_what_runs_is_done_at_the_speed_it_has(benchmarks, seconds):
    assert seconds_left({str(n): one for n, one in enumerate(benchmarks)}) == seconds
