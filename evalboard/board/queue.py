"""The queue file: every request with its status, reason and progress."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from pydantic import ValidationError

from evalboard.board.waiting_times import (
    mean_duration,
    seconds_left,
    seconds_until_done,
)
from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.records.board_files import BenchmarkProgress, QueueEntry
from evalboard.records.report import Report
from evalboard.records.request import RequestRecord, Status

ORDER: tuple[Status, ...] = (
    Status.RUNNING,
    Status.PENDING,
    Status.FAILED,
    Status.REJECTED,
    Status.CANCELLED,
    Status.FINISHED,
)
"""Order of the groups. Those that need attention come first."""
SHOWN_LINES, SHOWN_CHARACTERS = 20, 4000
"""Lines of the log of a failure."""


def build_queue(
    entries: Iterable[tuple[str, RequestRecord | None, str]],
    progress: Mapping[str, Mapping[str, BenchmarkProgress]],
    *,
    pending: Sequence[str],
    run_url: Callable[[str], str],
) -> list[QueueEntry]:
    """Return the queue as its page shows it.

    Args:
        entries: Path, record and problem of every request file. A file without a record is
            unreadable and appears as rejected, with the problem as its reason. A file with both is
            RUNNING according to another program, and takes no place.
        progress: By request path, then by benchmark key.
        pending: Paths of the pending requests in the order in which they will be claimed.
        run_url: Returns the page of a run by its id, empty if there is none.

    Returns:
        Running, pending by position, failed, rejected, cancelled, finished; within each group the
        newest change first.
    """
    everything = sorted(entries, key=lambda entry: entry[0])
    records = [record for _, record, _ in everything if record is not None]
    running = sum(
        record is not None and record.status is Status.RUNNING and not problem
        for _, record, problem in everything
    )
    duration = mean_duration(records)
    positions = {path: position for position, path in enumerate(pending, start=1)}
    last = len(positions) + 1
    shown: list[tuple[str, QueueEntry]] = []
    for path, record, problem in everything:
        if record is None:
            shown.append(("", _unreadable(path, problem)))
            continue
        position = positions.get(path)
        benchmarks = dict(progress.get(path, {}))
        entry = contained(
            partial(_describe, path, record, problem, position, benchmarks, run_url),
            f"The description of request {path!r}",
        )
        if isinstance(entry, EvalboardError):
            shown.append(("", _unreadable(path, entry.message)))
            continue
        left = None
        if record.status is Status.RUNNING:
            left = seconds_left(entry.benchmarks)
        elif position is not None:
            left = seconds_until_done(position, running=running, duration=duration)
        shown.append((_changed(record), entry.model_copy(update={"seconds_left": left})))
    shown.sort(key=lambda item: item[0], reverse=True)
    shown.sort(key=lambda item: (ORDER.index(Status(item[1].status)), item[1].position or last))
    return [entry for _, entry in shown]


def queue_file(entries: Iterable[QueueEntry]) -> bytes:
    """Return `queue.json` with one entry per line. The same queue gives the same bytes."""
    lines = [json.dumps(entry.model_dump(mode="json"), ensure_ascii=False) for entry in entries]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode(errors="replace")


def _describe(
    path: str,
    record: RequestRecord,
    problem: str,
    position: int | None,
    benchmarks: dict[str, BenchmarkProgress],
    run_url: Callable[[str], str],
) -> QueueEntry:
    block = record.evalboard
    started = block.claimed_time or record.job_start_time
    rejection = _rejection(record)
    return QueueEntry(
        request=path,
        model=record.model,
        sha8=record.revision[:8],
        precision=record.precision,
        suite=block.suite,
        status=record.status,
        reason=problem or _reason(record),
        findings=rejection.errors if rejection and not problem else (),
        position=position,
        attempts=block.attempts,
        sender=record.sender,
        submitted_time=record.submitted_time,
        changed_time=_changed(record),
        started_time=None if record.status is Status.PENDING else started,
        benchmarks=benchmarks,
        run_url=_run_page(record, run_url),
        priority=block.priority,
        code=block.failure.code if block.failure else "",
        log_tail=_last_lines(block.failure.log_tail) if block.failure else "",
        retry_after=block.retry_after,
    )


def _last_lines(log: str) -> str:
    """Return the end of a log. It is short, because every reader of the queue downloads it."""
    return "\n".join(log[-SHOWN_CHARACTERS:].splitlines()[-SHOWN_LINES:])


def _unreadable(path: str, problem: str) -> QueueEntry:
    return QueueEntry(
        request=path,
        model=path.removesuffix(".json").partition("_eval_request_")[0],
        sha8="",
        precision="",
        status=Status.REJECTED,
        reason=problem,
    )


def _reason(record: RequestRecord) -> str:
    """Return the reason for the request's status."""
    block = record.evalboard
    if block.failure:
        return block.failure.message
    report = _rejection(record)
    if report:
        return report.summary()
    return block.history[-1].reason if block.history else ""


def _rejection(record: RequestRecord) -> Report | None:
    """Return the report that rejected a request, None if it is missing or from another program."""
    if record.status is not Status.REJECTED:
        return None
    try:
        return Report.model_validate(record.evalboard.report)
    except ValidationError:
        return None


def _run_page(record: RequestRecord, run_url: Callable[[str], str]) -> str:
    failure, claim = record.evalboard.failure, record.evalboard.claimed_by
    if failure and failure.run_url:
        return failure.run_url
    return run_url(claim.run_id) if claim else ""


def _changed(record: RequestRecord) -> str:
    """Return when the request last changed its status; UTC, ISO 8601."""
    history = record.evalboard.history
    return history[-1].time if history else record.job_start_time or record.submitted_time
