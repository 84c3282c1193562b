"""Judge a RUNNING request by what is known about its run and its results. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from evalboard.identity import document_folder, result_folder
from evalboard.records.request import RequestRecord
from evalboard.records.result import ResultDocument
from evalboard.records.times import parse_time

GRACE = timedelta(minutes=2)
"""So long a claim is left alone whose run nobody knows: its server may be behind."""
FOREIGN_GRACE = timedelta(days=1)
"""The same for a RUNNING request that names no run, which another program may be working on."""


class RunState(StrEnum):
    """What the Prefect server says about a run."""

    ALIVE = "alive"
    """Scheduled, pending or running there."""
    DEAD = "dead"
    """Completed, failed or crashed: whatever it was to do is over."""
    CANCELLED = "cancelled"
    """Stopped by a person."""
    UNKNOWN = "unknown"
    """The server has no such run."""


class Verdict(StrEnum):
    """What is to be done about a RUNNING request."""

    LEAVE = "leave"
    RELEASE = "release"
    FINISH = "finish"
    CANCEL = "cancel"
    ASK = "ask"
    """Nothing here can tell whether its run lives."""


class RunEvidence(NamedTuple):
    """What is known about the run behind a RUNNING request."""

    run: RunState = RunState.UNKNOWN
    """What the server that was asked says."""
    is_asked: bool = True
    """Whether that server is the one that the run belongs to."""
    process_lives: bool | None = None
    """Whether the claim's process is there; None where that cannot be seen from here."""
    age: timedelta | None = None
    """Since the claim; None when its time is not known."""


def judge(evidence: RunEvidence, *, is_ours: bool = True) -> Verdict:
    """Return what is to be done about a RUNNING request, its results left aside.

    The process is believed before the server: a server notices a killed run late, and it does not
    know the runs of a process that has a server of its own.

    Args:
        evidence: What is known about the run.
        is_ours: Whether the request names a run of this project.
    """
    if not is_ours:
        fresh = evidence.age is not None and evidence.age < FOREIGN_GRACE
        return Verdict.LEAVE if fresh else Verdict.RELEASE
    if evidence.run is RunState.CANCELLED:
        return Verdict.CANCEL
    if evidence.process_lives is False or evidence.run is RunState.DEAD:
        return Verdict.RELEASE
    if evidence.run is RunState.ALIVE or evidence.process_lives:
        return Verdict.LEAVE
    if evidence.age is not None and evidence.age < GRACE:
        return Verdict.LEAVE
    return Verdict.RELEASE if evidence.is_asked else Verdict.ASK


def is_complete(
    record: RequestRecord, documents: Iterable[ResultDocument], benchmarks: Iterable[str]
) -> bool:
    """Return whether the results of a claimed request are all stored.

    They are when the attempt itself has stored its document, without a failure, and it and the
    former ones together hold every benchmark. Former ones alone prove nothing: they may be of
    another version of a benchmark.

    Args:
        record: The request.
        documents: Of its model on its suite.
        benchmarks: Keys of the suite.
    """
    claimed = parse_time(record.evalboard.claimed_time)
    stored: set[str] = set()
    own = False
    for document in documents:
        if not _is_of(document, record):
            continue
        stored |= document.evalboard.benchmark_keys.keys()
        finished = parse_time(document.evalboard.finished_time)
        if claimed and finished and finished >= claimed:
            own = own or not document.evalboard.failures
    return own and stored >= set(benchmarks)


def _is_of(document: ResultDocument, record: RequestRecord) -> bool:
    return document_folder(document) == result_folder(record.choice, document.evalboard.suite)
