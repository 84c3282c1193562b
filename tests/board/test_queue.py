import json

import pytest

from evalboard.board.queue import build_queue, queue_file
from evalboard.records.board_files import BenchmarkProgress, QueueEntry
from evalboard.records.report import Finding, Level, Report
from evalboard.records.request import Claim, Failure, Status

DAY = "2026-11-{:02}T00:00:00Z"


def queue(entries, *, progress=None, pending=()):
    return build_queue(
        [(path, record, "") for path, record in entries.items()],
        progress or {},
        pending=pending,
        run_url=lambda run_id: f"http://runs/{run_id}",
    )


def changed(request_record, status, day, reason=""):
    return request_record(status=status, history=((status, DAY.format(day), reason),))


def test_what_needs_eyes_comes_first_and_then_the_newest(request_record):
    entries = {
        f"{status}-{day}": changed(request_record, status, day)
        for status in Status
        for day in (2, 3, 1)
    }
    order = queue(entries, pending=["PENDING-1", "PENDING-3", "PENDING-2"])

    assert [entry.request for entry in order] == [
        *("RUNNING-3", "RUNNING-2", "RUNNING-1"),
        *("PENDING-1", "PENDING-3", "PENDING-2"),
        *("FAILED-3", "FAILED-2", "FAILED-1"),
        *("REJECTED-3", "REJECTED-2", "REJECTED-1"),
        *("CANCELLED-3", "CANCELLED-2", "CANCELLED-1"),
        *("FINISHED-3", "FINISHED-2", "FINISHED-1"),
    ]


def test_changes_of_the_same_time_come_by_path(request_record):
    entries = {path: changed(request_record, Status.FINISHED, 1) for path in ("b", "c", "a")}

    assert [entry.request for entry in queue(entries)] == ["a", "b", "c"]


def test_a_pending_request_has_a_position_and_no_start(request_record):
    again = request_record(block={"attempts": 1, "claimed_time": DAY.format(1)})
    first, second = queue({"a": again, "b": request_record()}, pending=["b", "a"])

    assert (first.request, first.position) == ("b", 1)
    assert (second.request, second.position, second.attempts) == ("a", 2, 1)
    assert second.started_time is None


def test_a_pending_request_that_nobody_ordered_comes_last(request_record):
    unordered, first = queue({"a": request_record(), "b": request_record()}, pending=["b"])[::-1]

    assert (first.request, unordered.request, unordered.position) == ("b", "a", None)


def test_a_running_request_shows_its_run_and_how_far_it_is(request_record):
    record = request_record(
        "org/big",
        Status.RUNNING,
        block={
            "attempts": 2,
            "claimed_by": Claim(run_id="r7", host="h"),
            "claimed_time": DAY.format(3),
        },
        precision="bfloat16",
        sender="someone",
        submitted_time=DAY.format(1),
    )
    anatomy = BenchmarkProgress(state="running", done=10, total=135)
    [entry] = queue({"path": record}, progress={"path": {"anatomy": anatomy}})

    assert entry == QueueEntry(
        request="path",
        model="org/big",
        sha8="01234567",
        precision="bfloat16",
        status="RUNNING",
        attempts=2,
        sender="someone",
        submitted_time=DAY.format(1),
        changed_time=DAY.format(1),
        started_time=DAY.format(3),
        benchmarks={"anatomy": anatomy},
        run_url="http://runs/r7",
    )


def test_a_request_of_another_board_shows_when_its_job_started(request_record):
    record = request_record(status=Status.FINISHED, job_id=12, job_start_time=DAY.format(2))
    [entry] = queue({"path": record})

    assert (entry.started_time, entry.run_url, entry.reason) == (DAY.format(2), "", "")


def test_a_failed_request_gives_its_failure(request_record):
    failure = Failure(code="out_of_memory", message="No memory left.", run_url="http://kept")
    record = request_record(
        status=Status.FAILED,
        history=((Status.FAILED, DAY.format(1), "out_of_memory"),),
        block={"failure": failure, "claimed_by": Claim(run_id="r7", host="h")},
    )
    [entry] = queue({"path": record})

    assert (entry.reason, entry.run_url) == ("No memory left.", "http://kept")


@pytest.fixture
def report():
    finding = Finding(level=Level.ERROR, code="no_license", message="No licence.", fix="Add one.")
    return Report(model="org/model", revision="main", findings=(finding,)).to_document()


def test_a_rejected_request_gives_every_error_of_its_report(request_record, report):
    [entry] = queue({"path": request_record(status=Status.REJECTED, block={"report": report})})

    assert entry.reason == "No licence. Add one."
    assert [(found.message, found.fix) for found in entry.findings] == [("No licence.", "Add one.")]


@pytest.mark.parametrize("foreign", [None, {"verdict": "no"}])
def test_a_rejection_without_a_report_of_ours_gives_its_history(request_record, foreign):
    record = request_record(
        status=Status.REJECTED,
        history=((Status.REJECTED, DAY.format(1), "not found"),),
        block={"report": foreign},
    )

    assert queue({"path": record})[0].reason == "not found"


def test_a_cancelled_request_gives_who_cancelled_it_and_not_its_report(request_record, report):
    record = request_record(
        status=Status.CANCELLED,
        history=(
            (Status.PENDING, DAY.format(1), "submitted"),
            (Status.CANCELLED, DAY.format(2), "by hand"),
        ),
        block={"report": report},
    )

    assert queue({"path": record})[0].reason == "by hand"


def test_an_unreadable_file_is_shown_as_rejected():
    path = "org/model_eval_request_False_float16_Original_01234567.json"
    [entry] = build_queue([(path, None, "No JSON.")], {}, pending=[], run_url=str)

    assert entry == QueueEntry(
        request=path,
        model="org/model",
        sha8="",
        precision="",
        status="REJECTED",
        reason="No JSON.",
    )


def test_the_queue_file_holds_the_entries(request_record):
    progress = {"b": {"anatomy": BenchmarkProgress(state="failed", reason="«died»")}}
    entries = queue({"a": request_record(), "b": request_record("org/ü")}, progress=progress)
    content = queue_file(entries)

    assert [QueueEntry.model_validate(entry) for entry in json.loads(content)] == entries
    assert content == queue_file(entries)
    assert len(content.splitlines()) == 4


def test_an_empty_queue_is_an_empty_list():
    assert json.loads(queue_file([])) == []


def test_a_failure_shows_its_class_its_pause_and_the_priority(request_record):
    failure = Failure(code="engine_died", message="It died.")
    block = {"failure": failure, "retry_after": DAY.format(3), "priority": 2}
    (entry,) = queue({"a": request_record(block=block)})

    assert (entry.code, entry.reason, entry.priority) == ("engine_died", "It died.", 2)
    assert (entry.retry_after, entry.position, entry.seconds_left) == (DAY.format(3), None, None)


def test_expected_times_are_shown_where_they_are_known(request_record):
    done = request_record(
        status=Status.FINISHED,
        history=((Status.FINISHED, "2026-11-01T00:02:00Z", ""),),
        block={"claimed_time": "2026-11-01T00:00:00Z"},
    )
    progress = {"r": {"b": BenchmarkProgress(state="running", done=1, total=5, per_second=2)}}
    entries = {"d": done, "p": request_record(), "r": request_record(status=Status.RUNNING)}
    shown = {e.request: e.seconds_left for e in queue(entries, progress=progress, pending=["p"])}

    assert shown == {"r": 2.0, "p": 120.0, "d": None}


def test_of_a_long_log_the_last_lines_are_shown(request_record):
    log = "\n".join(f"line {number} " + "x" * 90 for number in range(1000))
    failure = Failure(code="engine_died", message="It died.", log_tail=log)
    [entry] = queue({"a": request_record(status=Status.FAILED, block={"failure": failure})})
    lines = entry.log_tail.splitlines()
    assert len(lines) == 20
    assert lines[-1].startswith("line 999 ")
    one_line = failure.model_copy(update={"log_tail": "y" * 10**6})
    [entry] = queue({"a": request_record(status=Status.FAILED, block={"failure": one_line})})
    assert len(entry.log_tail) == 4000


def test_a_request_that_cannot_be_described_hides_no_other(request_record):
    claim = {"claimed_by": Claim(run_id="r", host="h")}
    strange, good = request_record(block=claim), request_record(sender="\ud800")
    entries = [("a.json", strange, ""), ("b.json", good, "")]
    shown = build_queue(entries, {}, pending=["b.json"], run_url=lambda _: str(1 // 0))
    assert {entry.request: entry.status for entry in shown} == {
        "a.json": Status.REJECTED,
        "b.json": Status.PENDING,
    }
    assert "ZeroDivisionError" in shown[-1].reason
    assert len(json.loads(queue_file(shown))) == 2


def test_a_run_of_another_program_takes_no_place_and_says_so(request_record):
    theirs = request_record(status=Status.RUNNING)
    (shown,) = build_queue([("a.json", theirs, "Theirs.")], {}, pending=(), run_url=str)
    assert (shown.status, shown.reason, shown.run_url) == (Status.RUNNING, "Theirs.", "")
