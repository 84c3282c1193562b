"""Find or make the request of an evaluation, and claim it."""

import re
import time
from datetime import datetime

from evalboard.attempt.model import Attempt, EvaluationRequest
from evalboard.engine.spec import EngineSpec
from evalboard.errors import LifecycleError, ValidationFailed
from evalboard.lifecycle import claim, move
from evalboard.liveness import claim_of, is_dead, this_process
from evalboard.records.report import Report
from evalboard.records.request import RequestRecord, Status
from evalboard.settings import Settings
from evalboard.stores.opening import open_store
from evalboard.stores.requests import RequestQueue
from evalboard.submission import check_request, record_of
from evalboard.suites.loader import load_suite
from evalboard.suites.model import Suite
from evalboard.workfolder import WorkFolder

SHA = re.compile(r"[0-9a-f]{40}")


def open_attempt(
    request: EvaluationRequest, settings: Settings, *, run_id: str, run_url: str, now: datetime
) -> Attempt:
    """Make or adopt the request, claim it, and return what is to be done.

    A run with a limit, another number of examples or a part of the suite leaves the queue alone.

    Raises:
        ConfigError: The suite or a benchmark does not exist.
        ValidationFailed: The submission does not pass its checks.
        LifecycleError: Somebody else works on the request, or it is finished.
    """
    suite = load_suite(request.suite or settings.suite)
    suite.select(request.benchmarks)
    record = record_of(request, settings, now=now)
    path = None
    if request.is_whole:
        path, record = _claim(record, settings, run_id=run_id, now=now)
    else:
        record = _checked(record, settings)
    return Attempt(
        request=request,
        record=record,
        request_path=path,
        run_id=run_id,
        run_url=run_url,
        suite=suite,
        engine=_engine_spec(request, record, suite, settings, run_id),
        started=time.time(),
    )


def _claim(
    record: RequestRecord, settings: Settings, *, run_id: str, now: datetime
) -> tuple[str, RequestRecord]:
    """Claim the request by compare-and-swap; return its path and what it then says."""
    queue = RequestQueue(open_store(settings.store_address("requests")))
    entry = queue.find(record) if SHA.fullmatch(record.revision) else None
    if entry is None:
        record = _checked(record, settings)
        entry = queue.find(record)
    path = entry.path if entry else queue.add(record)
    mine = claim_of(run_id, this_process())

    def decide(current: RequestRecord) -> RequestRecord:
        return claim(_made_pending(current, now), mine, now=now)

    return path, queue.change(path, decide, message=f"claim {record.model}")


def _made_pending(record: RequestRecord, now: datetime) -> RequestRecord:
    """Return the record as one that can be claimed, where a person may ask for that."""
    match record.status:
        case Status.FAILED | Status.CANCELLED | Status.REJECTED:
            return move(record, Status.PENDING, now=now, reason="started by hand")
        case Status.RUNNING:
            return released(record, now=now)
        case Status.FINISHED:
            raise LifecycleError(
                f"{record.model!r} at revision {record.revision[:8]} in {record.precision} is "
                "finished; the same score is never run twice. Name benchmarks to run a part anew."
            )
        case _:
            return record


def released(record: RequestRecord, *, now: datetime) -> RequestRecord:
    """Return a RUNNING request as PENDING when the process that claimed it is gone.

    Raises:
        LifecycleError: It is being worked on, as far as this machine can tell.
    """
    claimed_by = record.evalboard.claimed_by
    if claimed_by is None or not is_dead(claimed_by):
        who = f"run {claimed_by.run_id} on {claimed_by.host}" if claimed_by else "another program"
        raise LifecycleError(f"{record.model!r} is being evaluated by {who}.")
    reason = f"run {claimed_by.run_id} on {claimed_by.host} ended without a word"
    return move(record, Status.PENDING, now=now, reason=reason)


def _checked(record: RequestRecord, settings: Settings) -> RequestRecord:
    checked = check_request(record, settings)
    _require_ok(checked.report)
    return checked.record


def _require_ok(report: Report) -> None:
    if not report.ok:
        raise ValidationFailed(
            f"{report.model!r} does not pass its checks: {report.summary()}", report=report
        )


def _engine_spec(
    request: EvaluationRequest,
    record: RequestRecord,
    suite: Suite,
    settings: Settings,
    run_id: str,
) -> EngineSpec:
    return EngineSpec(
        name=f"engine-{run_id}",
        model=record.model,
        revision=record.revision,
        precision=record.precision,
        weight_type=record.weight_type,
        base_model=record.base_model,
        use_chat_template=record.use_chat_template,
        suite=suite,
        benchmarks=tuple(b.key for b in suite.select(request.benchmarks)),
        num_fewshot=request.num_fewshot,
        limit=request.limit,
        backend=settings.backend,
        settings=settings,
        log_file=WorkFolder(settings.work_folder.resolve()).log_file(run_id),
    )
