"""Find or create the request of an evaluation, and claim it."""

import time
from datetime import datetime

from evalboard.attempt.handing_back import held_until_claimed
from evalboard.attempt.model import Attempt
from evalboard.attempt.waiting import waiting_suites
from evalboard.backends import backend_for
from evalboard.engine.examining import why_unfit
from evalboard.engine.placing.placement import has_only_runs
from evalboard.engine.spec import EngineSpec
from evalboard.errors import (
    AlreadyFinished,
    ConfigError,
    LifecycleError,
    MachineUnfit,
    ValidationFailed,
)
from evalboard.identity import request_identity, submission_identity
from evalboard.intake.request_files import is_checked
from evalboard.intake.submission import EvaluationRequest, check_submission, record_of
from evalboard.lifecycle import STOPPED, claim, requeue
from evalboard.queueing.claims import claim_of, released, server_name, this_process
from evalboard.records.request import RequestRecord, Status
from evalboard.repositories.names import folder_of, is_commit
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.stores.work import WorkFolder
from evalboard.suites.loader import find_suite, load_suite, suite_names
from evalboard.suites.model import Suite
from evalboard.wording import plain


def open_attempt(
    request: EvaluationRequest,
    settings: Settings,
    *,
    run_id: str,
    run_url: str,
    now: datetime,
    is_repeated: bool = False,
) -> Attempt:
    """Find or create the request, claim it, and return the attempt.

    A run with a limit, another number of examples or a part of the suite does not use the queue.

    Args:
        request: The evaluation.
        settings: The settings.
        run_id: Name of the run.
        run_url: Address of its page.
        now: Time of the claim.
        is_repeated: Whether a person has started this run again. It then takes a failed or
            cancelled request too, as a run that is started by hand.

    Raises:
        ConfigError: The suite or a benchmark does not exist, or another installation evaluates the
            requests of this store.
        ValidationFailed: The submission fails its checks.
        LifecycleError: Another run has the request, it is finished, or it has not been checked.
        MachineUnfit: This machine cannot run engines. The request does not change.
    """
    if why := why_unfit(settings):
        raise MachineUnfit(why)
    if not request.is_whole:
        attempt = open_trial(request, settings, run_id=run_id, now=now)
        return attempt.model_copy(update={"run_url": run_url, "is_trial": request.is_trial})
    started = time.time()
    suite = _suite(request, settings)
    is_by_hand = is_repeated or not request.request_path
    path, record = _claim(request, suite, settings, run_id=run_id, now=now, is_by_hand=is_by_hand)
    return Attempt(
        request=request,
        is_trial=False,
        record=record,
        request_path=path,
        run_id=run_id,
        run_url=run_url,
        suite=suite,
        engine=engine_spec(request, record, suite, settings, run_id).model_copy(
            update={"further_suites": _further(record, settings, now)}
        ),
        started=started,
    )


def _further(record: RequestRecord, settings: Settings, now: datetime) -> tuple[Suite, ...]:
    """Return the suites that the model waits for besides, each once."""
    waiting = waiting_suites(record, settings, now=now)
    return tuple({each.suite.name: each.suite for each in waiting}.values())


def claim_waiting(
    request: EvaluationRequest, settings: Settings, *, run_id: str, now: datetime
) -> RequestRecord:
    """Claim a request that waits, for a run that works already, and return its new record.

    Raises:
        LifecycleError: It is no longer pending, or no longer the same.
    """
    suite = _suite(request, settings)
    _, record = _claim(request, suite, settings, run_id=run_id, now=now, is_by_hand=False)
    return record


def open_trial(
    request: EvaluationRequest,
    settings: Settings,
    *,
    run_id: str,
    now: datetime,
    allow_paths: bool = False,
) -> Attempt:
    """Return the attempt of an evaluation that uses neither the queue nor the results store.

    Args:
        request: The evaluation.
        settings: The settings.
        run_id: Name of the run.
        now: Time in the record.
        allow_paths: Whether a person at this machine asks. The model can then be a folder, and the
            suite a file.

    Raises:
        ConfigError: The suite or a benchmark does not exist.
        ValidationFailed: The submission fails its checks.
    """
    started = time.time()
    suite = _suite(request, settings, allow_file=allow_paths)
    record = _checked(request, settings, now=now, allow_folder=allow_paths)
    return Attempt(
        request=request,
        is_trial=True,
        record=record,
        request_path=None,
        run_id=run_id,
        run_url="",
        suite=suite,
        engine=engine_spec(request, record, suite, settings, run_id, allow_paths=allow_paths),
        started=started,
    )


def _suite(request: EvaluationRequest, settings: Settings, *, allow_file: bool = False) -> Suite:
    """Return the requested suite, after a check that it has the benchmarks."""
    suite = find_suite(request.suite, settings)
    if suite is None and allow_file:
        suite = load_suite(request.suite)
    if suite is None:
        raise ConfigError(
            f"There is no suite {plain(request.suite, 100)!r}. Use one of "
            f"{', '.join(suite_names(settings))}."
        )
    suite.select(request.benchmarks)
    return suite


def _claim(
    request: EvaluationRequest,
    suite: Suite,
    settings: Settings,
    *,
    run_id: str,
    now: datetime,
    is_by_hand: bool,
) -> tuple[str, RequestRecord]:
    """Claim the request by compare-and-swap, and return its path and the new record."""
    queue = open_own_queue(settings)
    path, checked = request.request_path, None
    if not path:
        path, checked = _find_or_add(queue, request, suite, settings, now=now)
    mine = claim_of(run_id, this_process(), server=server_name(settings))

    def decide(current: RequestRecord) -> RequestRecord:
        pinned = (current.model, current.revision)
        if request.request_path and pinned != (request.model, request.revision):
            raise LifecycleError(f"Request {path!r} is no longer for {request.model!r}.")
        if request.request_path and request.benchmarks != current.evalboard.benchmarks:
            raise LifecycleError(f"Request {path!r} is no longer for these benchmarks.")
        if is_by_hand:
            current = _made_pending(current, settings, now)
            current = _with_check(current, checked) if checked else current
        if current.status is Status.PENDING and not is_checked(current):
            raise LifecycleError(
                f"Request {path!r} has not passed the checks of this board. The next poll checks "
                "it."
            )
        return claim(current, mine, now=now)

    with held_until_claimed(run_id, path, settings):
        return path, queue.change(path, decide, message=f"claim {request.model}")


def _find_or_add(
    queue: RequestQueue,
    request: EvaluationRequest,
    suite: Suite,
    settings: Settings,
    *,
    now: datetime,
) -> tuple[str, RequestRecord | None]:
    """Return the path of the request of a start by hand, and its checks if they were made now."""
    board = load_suite(settings.suite).name
    entry = _find(queue, request, suite, board)
    if entry and entry.record and is_checked(entry.record):
        return entry.path, None
    checked = _checked(request, settings, now=now)
    entry = queue.find(request_identity(checked, board), board_suite=board)
    return entry.path if entry else queue.add(checked, board_suite=board), checked


def _find(
    queue: RequestQueue, request: EvaluationRequest, suite: Suite, board_suite: str
) -> QueuedRequest | None:
    """Return the request if its identity is fully given."""
    knows_thinking = bool(request.think_end_token) or not request.enable_thinking
    if request.precision is None or not is_commit(request.revision) or not knows_thinking:
        return None
    return queue.find(submission_identity(request, suite.name), board_suite=board_suite)


def _made_pending(record: RequestRecord, settings: Settings, now: datetime) -> RequestRecord:
    """Return the record in a state that can be claimed, if a person's start allows it."""
    if record.status in STOPPED:
        return requeue(record, now=now, reason="started by hand")
    match record.status:
        case Status.RUNNING:
            return released(record, settings, now=now)
        case Status.FINISHED:
            raise AlreadyFinished(
                f"{record.model!r} at revision {record.revision[:8]} in {record.precision} is "
                "already finished, and a score is never computed twice. Name benchmarks to rerun a "
                "part of the suite."
            )
        case _:
            return record


def _with_check(record: RequestRecord, checked: RequestRecord) -> RequestRecord:
    """Return a request with what a newer check of its submission found."""
    block = {"base_revision", "report", "suite"}
    found = {name: getattr(checked.evalboard, name) for name in block}
    outer = RequestRecord.choice_fields(checked.choice) | {
        "params": checked.params,
        "architectures": checked.architectures,
        "evalboard": record.evalboard.model_copy(update=found),
    }
    return record.model_copy(update=outer)


def _checked(
    request: EvaluationRequest, settings: Settings, *, now: datetime, allow_folder: bool = False
) -> RequestRecord:
    """Return the request's record after its checks."""
    report = check_submission(request, settings, allow_folder=allow_folder)
    if not report.ok:
        raise ValidationFailed(
            f"{report.model!r} failed the checks: {report.summary()}", report=report
        )
    return record_of(request, report, settings, now=now)


def engine_spec(
    request: EvaluationRequest,
    record: RequestRecord,
    suite: Suite,
    settings: Settings,
    run_id: str,
    *,
    allow_paths: bool = False,
) -> EngineSpec:
    """Return the specification of the engine for a request."""
    work = settings.work_folder.resolve()
    return EngineSpec(
        name=f"engine-{run_id}",
        is_only_run=has_only_runs(),
        **record.choice.choice_fields(),
        # Only a person at this machine may name a folder, never a request or a parameter.
        folder=folder_of(request.model) if allow_paths else None,
        base_folder=folder_of(request.base_model) if allow_paths else None,
        architectures=tuple(filter(None, (record.architectures or "").split(", "))),
        suite=suite,
        benchmarks=tuple(b.key for b in suite.select(request.benchmarks)),
        num_fewshot=request.num_fewshot,
        limit=request.limit,
        backend=backend_for(record.precision, settings.backend).name,
        # The engine's process may work in another folder.
        settings=settings.model_copy(update={"work": work}),
        log_file=WorkFolder(work).log_file(run_id),
    )
