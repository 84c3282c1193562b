"""The judgement of a RUNNING request from the evidence about its run and its results. Pure."""

from collections.abc import Iterable
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from evalboard.identity import document_folder, result_folder
from evalboard.records.request import RequestRecord
from evalboard.records.result import ResultDocument
from evalboard.records.times import parse_time

GRACE = timedelta(minutes=2)
"""Age up to which a claim with an unknown run is left alone: its server may be behind."""
FOREIGN_GRACE = timedelta(days=1)
"""The same for a RUNNING request without a run, on which another program may work."""


class RunState(StrEnum):
    """The state of a run according to the Prefect server."""

    ALIVE = "alive"
    """Scheduled, pending or running."""
    DEAD = "dead"
    """Completed, failed or crashed."""
    CANCELLED = "cancelled"
    """Stopped by a person, or about to be: nobody waits for the worker that is to end it."""
    UNKNOWN = "unknown"
    """The server has no such run."""


class Verdict(StrEnum):
    """The action on a RUNNING request."""

    LEAVE = "leave"
    RELEASE = "release"
    FINISH = "finish"
    CANCEL = "cancel"
    ASK = "ask"
    """It is unknown whether its run is alive."""


class RunEvidence(NamedTuple):
    """The evidence about the run of a RUNNING request."""

    run: RunState = RunState.UNKNOWN
    """State according to the server that was asked."""
    is_asked: bool = True
    """Whether the run belongs to that server."""
    process_lives: bool | None = None
    """Whether the claim's process exists, None if it is not visible from here."""
    age: timedelta | None = None
    """Time since the claim, None if unknown."""


def judge(evidence: RunEvidence, *, is_ours: bool = True) -> Verdict:
    """Return the action on a RUNNING request, without regard to its results.

    A person's word comes first: a run that still works ends by itself once its request is
    cancelled. Then the process takes precedence over the server, which notices a killed run late,
    and does not know the runs of a process with its own server.

    Args:
        evidence: The evidence about the run.
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

    This is the case if the attempt has stored its own document without failures, and all documents
    together contain every benchmark. Earlier documents alone prove nothing: they may be of another
    version of a benchmark.

    Args:
        record: The request.
        documents: Documents of its model on its suite.
        benchmarks: Keys of the benchmarks that the request is for.
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
