"""Reconcile requests whose runs stopped without a result.

The caller asks Prefect for the states of runs; this module knows the stores. The rules are in
`evalboard.queueing.judging`.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import NamedTuple

from evalboard.errors import ConfigError, EvalboardError
from evalboard.identity import result_folder
from evalboard.lifecycle import is_claimed_by, move, release
from evalboard.queueing.claims import is_alive, is_dead
from evalboard.queueing.judging import RunEvidence, RunState, Verdict, is_complete, judge
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.records.times import parse_time
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.stores.results import ResultsArchive
from evalboard.suites.loader import load_requested_suite, load_suite

_FOLDER_PARTS = 5


class Correction(NamedTuple):
    """One changed request."""

    path: str
    model: str
    reason: str


class Judgement(NamedTuple):
    """The action on one request, and its reason."""

    judged: RequestRecord
    verdict: Verdict
    reason: str


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
    unrequested: list[str]
    """Folders or files in the results store without a matching request."""
    problems: dict[str, str]
    """Requests whose change failed, with the message."""


def claimed_runs(settings: Settings) -> list[str]:
    """Return the run ids of all RUNNING requests, for the caller to ask about."""
    claims = (_claim(entry.record) for entry in open_queue(settings).entries())
    return sorted({claim.run_id for claim in claims if claim is not None})


def reconcile(
    settings: Settings, runs: Mapping[str, RunState], *, now: datetime, server: str = ""
) -> Reconciliation:
    """Reconcile every RUNNING request whose run is gone, in one commit, and report anomalies.

    A request changes only if the judged run still has the claim.

    Args:
        settings: The settings.
        runs: State by run id. The server does not know missing runs.
        now: The current time.
        server: Name in claims of the server that was asked. Claims of another server are judged by
            their process, and only on its machine.

    Raises:
        ConfigError: The board's suite cannot be loaded.
        StoreError: A store cannot be read.
    """
    queue = open_queue(settings)
    entries = queue.entries()
    archive = open_archive(settings)
    judgements: dict[str, Judgement] = {}
    unclear: list[Correction] = []
    for path, record, _ in entries:
        if record is None or record.status is not Status.RUNNING:
            continue
        evidence = _evidence(record, runs, server=server, now=now)
        verdict = judge(evidence, is_ours=_claim(record) is not None)
        if verdict is Verdict.RELEASE and _is_complete(record, archive, settings):
            verdict = Verdict.FINISH
        if verdict is Verdict.ASK:
            unclear.append(Correction(path, record.model, _who(record)))
        elif verdict is not Verdict.LEAVE:
            judgements[path] = Judgement(record, verdict, _reason(record, verdict, evidence))
    changed, problems = _carry_out(queue, judgements, now)
    return Reconciliation(
        released=changed[Status.PENDING],
        failed=changed[Status.FAILED],
        finished=changed[Status.FINISHED],
        cancelled=changed[Status.CANCELLED],
        unclear=unclear,
        unrequested=_unrequested(entries, archive, settings),
        problems=problems,
    )


def _carry_out(
    queue: RequestQueue, judgements: Mapping[str, Judgement], now: datetime
) -> tuple[defaultdict[Status, list[Correction]], dict[str, str]]:
    """Change the requests in one commit. Return them by new status, and the failures."""
    changed: defaultdict[Status, list[Correction]] = defaultdict(list)
    problems: dict[str, str] = {}
    applied: set[str] = set()

    def decide(path: str, current: RequestRecord) -> RequestRecord:
        applied.discard(path)
        if not _has_same_claim(current, judgements[path].judged):
            return current  # its run came to an end by itself, or another one has it
        after = _after(current, judgements[path], now)
        applied.add(path)
        return after

    if not judgements:
        return changed, problems
    answers = queue.change_many(
        {path: partial(decide, path) for path in judgements},
        message=f"reconcile {len(judgements)} requests",
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


def _has_same_claim(current: RequestRecord, judged: RequestRecord) -> bool:
    claim = _claim(judged)
    if claim is None:
        return current == judged
    return is_claimed_by(current, claim.run_id)


def _claim(record: RequestRecord | None) -> Claim | None:
    """Return the claim on a RUNNING request, None if it is not of this project."""
    if record is None or record.status is not Status.RUNNING:
        return None
    return record.evalboard.claimed_by


def _evidence(
    record: RequestRecord, runs: Mapping[str, RunState], *, server: str, now: datetime
) -> RunEvidence:
    time = parse_time(record.evalboard.claimed_time) or parse_time(record.job_start_time)
    age = now - time if time else None
    claim = _claim(record)
    if claim is None:
        return RunEvidence(age=age)
    lives = False if is_dead(claim) else is_alive(claim) or None
    run = runs.get(claim.run_id, RunState.UNKNOWN)
    return RunEvidence(run, claim.server == server, lives, age)


def _is_complete(record: RequestRecord, archive: ResultsArchive, settings: Settings) -> bool:
    """Return whether the results store contains all results of a request."""
    try:
        suite = load_requested_suite(record.evalboard.suite, settings.suite)
    except ConfigError:
        return False  # a suite that is no longer there: its next attempt says so
    documents = archive.read(model=record.model).documents
    of_suite = [d for d in documents if d.evalboard.suite == suite.name]
    return is_complete(record, of_suite, [b.key for b in suite.benchmarks])


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


def _who(record: RequestRecord) -> str:
    claim = _claim(record)
    return f"run {claim.run_id} on {claim.host}" if claim else "another program"


def _reason(record: RequestRecord, verdict: Verdict, evidence: RunEvidence) -> str:
    who = _who(record)
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
