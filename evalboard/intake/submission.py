"""Submit a model: check it, pin it to a commit, and put it into the queue.

Everything here is written by strangers, so models are names only, never folders of this machine.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from pydantic import Field, ValidationError

from evalboard.errors import ConfigError, StoreError
from evalboard.intake.house_rules import denial, excess, load_rules, repetition
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.report import Finding, Report
from evalboard.records.request import BoardBlock, HistoryEntry, ModelType, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.repositories.names import is_commit, is_folder_path
from evalboard.settings import Settings
from evalboard.stores.opening import open_queue
from evalboard.stores.requests import RequestQueue
from evalboard.suites.loader import load_suite, shipped_suites
from evalboard.validation.checks import validate
from evalboard.validation.findings import error, info, listed, plain, quoted
from evalboard.validation.subject import Subject

LONGEST_SENDER = 200

Choice = TypeVar("Choice", bound=StrEnum)


class Submission(Subject):
    """What a submitter fills in."""

    sender: str = Field(default="", description="Name of the submitter, shown on the board.")
    suite: str = Field(default="", description="Suite of the evaluation. Empty: the board's suite.")
    priority: int = Field(default=0, description="Requests with a higher number run earlier.")


class EvaluationRequest(Submission):
    """Parameters of an evaluation, as the form of the Prefect UI shows them."""

    request_path: str = Field(
        default="",
        description="Path of the request, set by the poll: the run starts only if the request is "
        "still pending. Leave it empty to start a run by hand, also for a failed or cancelled "
        "request.",
    )
    benchmarks: tuple[str, ...] = Field(
        default=(),
        description="Keys of the benchmarks to run. Empty: all benchmarks of the suite. Results of "
        "a part of the suite are stored and shown, but do not finish the model's request.",
    )
    limit: int | None = Field(
        default=None,
        ge=1,
        description="Number of questions to ask of each benchmark. The result is a trial: it stays "
        "in the work folder and never enters the board.",
    )
    num_fewshot: int | None = Field(
        default=None,
        ge=0,
        description="Number of examples before each question. Empty: the suite's number. With "
        "another number the result is a trial, as with a limit.",
    )

    @property
    def is_trial(self) -> bool:
        """Whether the result stays out of the results store."""
        return self.limit is not None or self.num_fewshot is not None

    @property
    def is_whole(self) -> bool:
        """Whether the request of the model is finished by this evaluation."""
        return not self.is_trial and not self.benchmarks


class Submitted(NamedTuple):
    """What became of a submission."""

    report: Report
    request_path: str | None
    """Where the request lies in its store; None when the checks found an error."""


class CheckedRequest(NamedTuple):
    """A request with what the checks learned."""

    record: RequestRecord
    report: Report


class ResolvedSuite(NamedTuple):
    """The name under which a suite is stored."""

    name: str
    findings: tuple[Finding, ...] = ()


def check_submission(
    submission: Submission, settings: Settings, *, allow_folder: bool = False
) -> Report:
    """Run all checks on a submission.

    Args:
        submission: What to evaluate.
        settings: Where models are, and what this installation can run.
        allow_folder: Whether model and base model may be folders of this machine. Only for people
            who are on it: never for a form or a file that strangers fill in.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    suite = resolve_suite(submission.suite, settings)
    report = validate(submission, settings, allow_folder=allow_folder)
    denied = _denied(submission.model, submission.base_model, submission.sender, settings)
    return _with_findings(report, (*suite.findings, *denied))


def preview_submission(
    submission: Submission,
    settings: Settings,
    *,
    now: datetime | None = None,
    allow_folder: bool = False,
) -> Report:
    """Run all checks, those against the queue too, and submit nothing.

    Args:
        submission: What to evaluate.
        settings: Where the queue and the models are.
        now: The current time; None to read the clock.
        allow_folder: As for `check_submission`. A folder is never in the queue.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    report = check_submission(submission, settings, allow_folder=allow_folder)
    if "precision" not in report.facts or is_folder_path(submission.model):
        return report
    time = now or datetime.now(UTC)
    try:
        queue = open_queue(settings)
        record = record_of(submission, report, settings, now=time)
        found = _repeated(record, queue) or _in_excess(record, queue, settings, now=time)
    except StoreError as exc:
        found = info(
            "queue_not_read", f"The check for an earlier submission of this model failed: {exc}"
        )
    return _with_findings(report, (found,)) if found else report


def submit(submission: Submission, settings: Settings, *, now: datetime | None = None) -> Submitted:
    """Check a submission and, when nothing is wrong with it, put it into the queue.

    Args:
        submission: What to evaluate.
        settings: Where the queue and the models are.
        now: Time of the submission; None for the current time.

    Returns:
        The report; it has the finding `too_many_submissions` where the sender has made as many as
        are allowed.

    Raises:
        DuplicateRequest: The same submission is in the queue; the message names it.
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The queue cannot be written, or the Hub did not answer.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    time = now or datetime.now(UTC)
    queue = open_queue(settings)
    report = check_submission(submission, settings)
    if not report.ok:
        return Submitted(report, None)
    record = record_of(submission, report, settings, now=time)
    too_many = _in_excess(record, queue, settings, now=time)
    if too_many:
        return Submitted(_with_findings(report, (too_many,)), None)
    return Submitted(report, queue.add(record))


def check_request(record: RequestRecord, settings: Settings) -> CheckedRequest:
    """Check a request file, which another board may have written, and fill in what it leaves open.

    Its revision and its base's become commit shas and its suite the board's; what the file said
    there is kept under `evalboard.original`. Its status stays as it is.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    precision = _choice(Precision, record.precision)
    weight_type = _choice(WeightType, record.weight_type)
    suite = resolve_suite(record.evalboard.suite, settings)
    subject = Subject(
        model=record.model,
        revision=record.revision or "main",
        precision=precision,
        weight_type=weight_type or WeightType.ORIGINAL,
        base_model=record.base_model,
        base_revision=record.evalboard.base_revision or "main",
        use_chat_template=record.use_chat_template,
        model_type=ModelType.parse(record.model_type),
    )
    problems = list(suite.findings)
    if precision is None:
        problems.append(_unknown("precision", record.precision, Precision))
    if weight_type is None:
        problems.append(_unknown("weight_type", record.weight_type, WeightType))
    problems += _denied(record.model, record.base_model, record.sender, settings)
    report = _with_findings(validate(subject, settings), tuple(problems))
    updated: dict[str, Any] = {
        "base_model": report.facts.get("base_model", record.base_model),
        "revision": report.revision,
        "params": report.facts.get("params_billion", record.params),
        "architectures": _architectures(report) or record.architectures,
    }
    block = {
        "suite": suite.name,
        "base_revision": report.facts.get("base_revision", ""),
        "report": report.to_document(),
        "original": _replaced(record, updated) | record.evalboard.original,
    }
    updated["evalboard"] = record.evalboard.model_copy(update=block)
    return CheckedRequest(record.model_copy(update=updated), report)


def record_of(
    submission: Submission, report: Report, settings: Settings, *, now: datetime | None = None
) -> RequestRecord:
    """Return the pending request of a submission that passed its checks."""
    time = timestamp(now)
    return RequestRecord(
        model=report.model,
        base_model=report.facts.get("base_model", submission.base_model),
        revision=report.revision,
        precision=report.facts["precision"],
        params=report.facts.get("params_billion"),
        architectures=_architectures(report),
        weight_type=submission.weight_type,
        submitted_time=time,
        model_type=submission.model_type,
        use_chat_template=submission.use_chat_template,
        sender=plain(submission.sender, LONGEST_SENDER),
        evalboard=BoardBlock(
            suite=resolve_suite(submission.suite, settings).name,
            priority=submission.priority,
            base_revision=report.facts.get("base_revision", ""),
            history=(HistoryEntry(status=Status.PENDING, time=time, reason="submitted"),),
            report=report.to_document(),
        ),
    )


def is_checked(record: RequestRecord) -> bool:
    """Return whether a request carries the full report on what it asks for.

    A report by an installation without transformers leaves a check to the poll.
    """
    try:
        report = Report.model_validate(record.evalboard.report)
    except ValidationError:
        return False
    complete = all(finding.code != "checked_by_poll" for finding in report.findings)
    pinned = is_commit(record.revision) and report.revision == record.revision
    base = report.facts.get("base_revision", "")
    return report.ok and complete and pinned and record.evalboard.base_revision == base


def resolve_suite(suite: str, settings: Settings) -> ResolvedSuite:
    """Return the name under which requests name a suite, and a finding when there is none.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
    """
    board = load_suite(settings.suite)
    if suite in ("", board.name, settings.suite):
        return ResolvedSuite(board.name)
    try:
        load_suite(suite)
    except (ConfigError, OSError):
        finding = error(
            "unknown_suite",
            f"There is no suite {quoted(suite)}.",
            fix=f"Use {board.name!r}, the board's suite, or one of {listed(shipped_suites())}.",
        )
        return ResolvedSuite(plain(suite, 100), (finding,))
    return ResolvedSuite(suite)


def _repeated(record: RequestRecord, queue: RequestQueue) -> Finding | None:
    """Return the finding on a submission that was made before, and was not rejected."""
    former = queue.find(record.identity)
    if former is None or former.record is None:
        return None
    idle = (Status.REJECTED, Status.CANCELLED)
    return None if former.record.status in idle else repetition(former)


def _in_excess(
    record: RequestRecord, queue: RequestQueue, settings: Settings, *, now: datetime
) -> Finding | None:
    """Return the finding on a new submission by a sender who has made as many as are allowed."""
    rules = load_rules(settings)
    if rules.allowance(record.sender) is None or queue.find(record.identity):
        return None
    return excess(queue.entries(), rules, sender=record.sender, now=now)


def _denied(model: str, base_model: str, sender: str, settings: Settings) -> tuple[Finding, ...]:
    finding = denial(load_rules(settings), model=model, base_model=base_model, sender=sender)
    return () if finding is None else (finding,)


def _replaced(record: RequestRecord, updated: dict[str, Any]) -> dict[str, Any]:
    """Return what a file said itself in the fields that a check gives other values."""
    return {
        field: getattr(record, field)
        for field, value in updated.items()
        if field in record.model_fields_set and getattr(record, field) not in (value, None, "")
    }


def _choice(choices: type[Choice], text: str) -> Choice | None:
    return choices(text) if text in list(choices) else None


def _unknown(name: str, text: str, choices: type[StrEnum]) -> Finding:
    return error(
        f"{name}_unknown",
        f"The {name} {quoted(text)} is unknown.",
        fix=f"Use one of {listed(list(choices), shown=len(choices))}.",
    )


def _with_findings(report: Report, findings: tuple[Finding, ...]) -> Report:
    return report.model_copy(update={"findings": (*findings, *report.findings)})


def _architectures(report: Report) -> str | None:
    return ", ".join(report.facts.get("architectures", ())) or None
