"""Reconcile requests whose runs stopped without a result.

The caller asks Prefect for the states of runs; this module knows the stores. The rules are in
`evalboard.queueing.judging`.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

from evalboard.containing import contained
from evalboard.errors import EvalboardError
from evalboard.identity import result_folder
from evalboard.lifecycle import is_claimed_by, move, release
from evalboard.queueing import presence
from evalboard.queueing.bell import ring
from evalboard.queueing.claims import lives
from evalboard.queueing.judging import (
    GRACE,
    RunEvidence,
    RunState,
    Verdict,
    is_complete,
    judge,
)
from evalboard.queueing.sightings import first_seen
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.records.times import parse_time, timestamp
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_own_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.stores.results import ResultsArchive
from evalboard.suites.loader import find_suite, load_suite

_FOLDER_PARTS = 5


class Correction(NamedTuple):
    """One changed request."""

    path: str
    model: str
    reason: str


class Judgement(NamedTuple):
    """The action on one request, and its reason."""

    judged: QueuedRequest
    verdict: Verdict
    reason: str


class Judged(NamedTuple):
    """What is to be done, and what is only reported."""

    judgements: dict[str, Judgement]
    unclear: list[Correction]
    unverified: list[Correction]
    problems: dict[str, str]


class Reconciliation(NamedTuple):
    """The outcome of a reconciliation."""

    released: list[Correction]
    """PENDING again."""
    failed: list[Correction]
    """FAILED, because too many of their runs were lost."""
    finished: list[Correction]
    """FINISHED, because all their results were stored."""
    cancelled: list[Correction]
    """CANCELLED, as their runs were."""
    unclear: list[Correction]
    """RUNNING, with unknown runs. They are not changed."""
    unverified: list[Correction]
    """RUNNING according to another program. They take no place, and are released after a day."""
    unrequested: list[str]
    """Folders or files in the results store without a matching request."""
    problems: dict[str, str]
    """Requests whose judgement or change failed, with the message."""


def claimed_runs(settings: Settings) -> list[str]:
    """Return the run ids of all RUNNING requests, for the caller to ask about."""
    return sorted(_claiming_runs(open_own_queue(settings)))


def lost_runs(settings: Settings) -> list[str]:
    """Return the run ids of the RUNNING requests whose processes are gone, as far as it is seen here."""
    claims = filter(None, map(_claim, open_own_queue(settings).entries()))
    return sorted(claim.run_id for claim in claims if lives(claim, settings) is False)


def reconcile(
    settings: Settings, runs: Mapping[str, RunState], *, now: datetime, server: str = ""
) -> Reconciliation:
    """Reconcile every RUNNING request whose run is gone, in one commit, and report anomalies.

    A request changes only if the judged run still has the claim. A claim that this installation did
    not sign is not judged: it expires a day after this installation first saw it.

    Args:
        settings: The settings.
        runs: State by run id. The server does not know missing runs.
        now: The current time.
        server: Name in claims of the server that was asked. Claims of another server are judged by
            their process, and only on its machine.

    Raises:
        ForeignKey: Another installation evaluates these requests.
        ConfigError: The board's suite cannot be loaded.
        StoreError: A store cannot be read.
    """
    queue = open_own_queue(settings)
    entries = queue.entries()
    archive = open_archive(settings)
    found = _judge_all(entries, archive, settings, runs, server=server, now=now)
    changed, problems = _carry_out(queue, found.judgements, now)
    _forget_marks(queue, settings)
    if changed:
        ring(settings)
    return Reconciliation(
        released=changed[Status.PENDING],
        failed=changed[Status.FAILED],
        finished=changed[Status.FINISHED],
        cancelled=changed[Status.CANCELLED],
        unclear=found.unclear,
        unverified=found.unverified,
        unrequested=_unrequested(entries, archive, settings),
        problems=found.problems | problems,
    )


def _judge_all(
    entries: Iterable[QueuedRequest],
    archive: ResultsArchive,
    settings: Settings,
    runs: Mapping[str, RunState],
    *,
    server: str,
    now: datetime,
) -> Judged:
    """Judge every RUNNING request. An error at one says nothing about the others."""
    running = [e for e in entries if e.record and e.record.status is Status.RUNNING]
    foreign = [entry.path for entry in running if not entry.is_signed]
    seen = first_seen(settings.signing_folder / "unverified.json", foreign, now=now)
    found = Judged({}, [], [], {})
    for entry in running:
        model = entry.record.model if entry.record else ""
        if entry.path in seen:
            since = seen[entry.path]
            reason = f"another program, seen here since {timestamp(since)}"
            found.unverified.append(Correction(entry.path, model, reason))
            judgement = _judge_foreign(entry, now - since)
        else:
            judgement = contained(
                partial(_judge, entry, archive, settings, runs, server=server, now=now),
                f"The judgement of request {entry.path!r}",
            )
        if isinstance(judgement, EvalboardError):
            found.problems[entry.path] = judgement.message
        elif judgement.verdict is Verdict.ASK:
            found.unclear.append(Correction(entry.path, model, judgement.reason))
        elif judgement.verdict is not Verdict.LEAVE:
            found.judgements[entry.path] = judgement
    return found


def _judge_foreign(entry: QueuedRequest, age: timedelta) -> Judgement:
    """Judge a claim that this installation did not sign, by the time since it was first seen."""
    reason = "another program claimed it and did not finish it within a day"
    verdict = judge(RunEvidence(age=age), is_ours=False)
    return Judgement(entry, verdict, reason)


def _judge(
    entry: QueuedRequest,
    archive: ResultsArchive,
    settings: Settings,
    runs: Mapping[str, RunState],
    *,
    server: str,
    now: datetime,
) -> Judgement:
    """Judge a request that this installation has signed."""
    record, claim = entry.record, _claim(entry)
    assert record is not None
    evidence = evidence_on(record, claim, settings, runs, server=server, now=now)
    verdict = judge(evidence, is_ours=claim is not None)
    if verdict is Verdict.RELEASE and _is_complete(record, archive, settings):
        verdict = Verdict.FINISH
    if verdict is Verdict.ASK:
        return Judgement(entry, verdict, _who(entry))
    return Judgement(entry, verdict, _reason(entry, verdict, evidence))


def _forget_marks(queue: RequestQueue, settings: Settings) -> None:
    """Remove the marks of runs that are gone and claim nothing any more."""
    if dead := set(presence.dead_runs(settings)):
        for run_id in dead - _claiming_runs(queue):
            presence.forget(run_id, settings)


def _carry_out(
    queue: RequestQueue, judgements: Mapping[str, Judgement], now: datetime
) -> tuple[defaultdict[Status, list[Correction]], dict[str, str]]:
    """Change the requests in one commit. Return them by new status, and the failures."""
    changed: defaultdict[Status, list[Correction]] = defaultdict(list)
    problems: dict[str, str] = {}
    applied: set[str] = set()

    def decide(path: str, current: RequestRecord) -> RequestRecord:
        applied.discard(path)
        claim = _claim(judgements[path].judged)
        if claim and not is_claimed_by(current, claim.run_id):
            return current  # its run came to an end by itself, or another one has it
        after = _after(current, judgements[path], now)
        applied.add(path)
        return after

    if not judgements:
        return changed, problems
    answers = queue.change_many(
        {path: partial(decide, path) for path in judgements},
        message=f"reconcile {len(judgements)} requests",
        # A request without a claim is the same one as long as its file is.
        over={
            path: judgement.judged.blob
            for path, judgement in judgements.items()
            if _claim(judgement.judged) is None
        },
    )
    for path, after in answers.items():
        if isinstance(after, EvalboardError):
            problems[path] = after.message
        elif path in applied:
            changed[after.status].append(Correction(path, after.model, judgements[path].reason))
    return changed, problems


def _after(current: RequestRecord, judgement: Judgement, now: datetime) -> RequestRecord:
    """Return a request after the decision."""
    match judgement.verdict:
        case Verdict.FINISH:
            return move(current, Status.FINISHED, now=now, reason=judgement.reason)
        case Verdict.CANCEL:
            return move(current, Status.CANCELLED, now=now, reason=judgement.reason)
        case _:
            return release(current, now=now, reason=judgement.reason)


def _claim(entry: QueuedRequest) -> Claim | None:
    """Return the claim on a RUNNING request, None if it is not of this installation."""
    record = entry.record
    if record is None or not entry.is_signed or record.status is not Status.RUNNING:
        return None
    return record.evalboard.claimed_by


def _claiming_runs(queue: RequestQueue) -> set[str]:
    return {claim.run_id for claim in map(_claim, queue.entries()) if claim is not None}


def evidence_on(
    record: RequestRecord,
    claim: Claim | None,
    settings: Settings,
    runs: Mapping[str, RunState],
    *,
    server: str,
    now: datetime,
) -> RunEvidence:
    """Return the evidence about the run of a RUNNING request.

    Args:
        record: The request.
        claim: Its claim, None if it is not of this installation.
        settings: The work folder with the marks of runs.
        runs: State by run id; see `reconcile`.
        server: Name in claims of the server that was asked, empty if none was.
        now: The current time.
    """
    age = _age(parse_time(record.evalboard.claimed_time), now)
    if claim is None:
        return RunEvidence(age=age)
    run = runs.get(claim.run_id, RunState.UNKNOWN)
    return RunEvidence(run, claim.server == server, lives(claim, settings), age)


def _age(claimed: datetime | None, now: datetime) -> timedelta | None:
    """Return the age of a claim, None if unknown.

    Clocks of machines differ by seconds. A claim from further in the future was made by a clock
    that was wrong, and says nothing about its age.
    """
    return now - claimed if claimed is not None and claimed < now + GRACE else None


def _is_complete(record: RequestRecord, archive: ResultsArchive, settings: Settings) -> bool:
    """Return whether the results store contains all results of a request."""
    suite = find_suite(record.evalboard.suite, settings)
    if suite is None:
        return False  # a suite that is no longer there: its next attempt says so
    documents = archive.read(model=record.model).documents
    of_suite = [d for d in documents if d.evalboard.suite == suite.name]
    asked = record.evalboard.benchmarks or [b.key for b in suite.benchmarks]
    return is_complete(record, of_suite, asked)


def _unrequested(
    entries: list[QueuedRequest], archive: ResultsArchive, settings: Settings
) -> list[str]:
    """Return results in the store without a matching request.

    This project's results are compared by folder, files of other boards by model.
    """
    board = load_suite(settings.suite).name
    records = [entry.record for entry in entries if entry.record is not None]
    folders = {result_folder(r.choice, r.evalboard.suite or board) for r in records}
    models = {record.model for record in records}
    strange: set[str] = set()
    for path in archive.paths():
        folder = path.rpartition("/")[0]
        if folder.count("/") == _FOLDER_PARTS - 1:
            strange |= {folder} - folders
        elif "/".join(path.split("/")[:2]) not in models:
            strange.add(path)
    return sorted(strange)


def _who(entry: QueuedRequest) -> str:
    claim = _claim(entry)
    return f"run {claim.run_id} on {claim.host}" if claim else "another program"


def _reason(entry: QueuedRequest, verdict: Verdict, evidence: RunEvidence) -> str:
    who = _who(entry)
    match verdict:
        case Verdict.FINISH:
            return f"{who} stopped without a result, but all scores are stored"
        case Verdict.CANCEL:
            return f"{who} was cancelled"
    if evidence.process_lives is False:
        return f"{who} stopped without a result: its process is gone"
    if evidence.run is RunState.DEAD:
        return f"{who} stopped without a result: Prefect says that it has ended"
    return f"{who} stopped without a result: Prefect does not know it"
