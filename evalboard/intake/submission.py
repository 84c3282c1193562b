"""Submit a model: check it, pin it to a commit, and add it to the queue.

The content comes from strangers, so models are only names, never folders of this machine.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import Field

from evalboard.errors import StoreError
from evalboard.identity import request_identity
from evalboard.intake.house_rules import denial, excess, load_rules, repetition
from evalboard.lifecycle import REPLACEABLE
from evalboard.publishing import announce_queue
from evalboard.records.choice import ModelChoice, PinnedChoice
from evalboard.records.report import Finding, Report
from evalboard.records.request import BoardBlock, HistoryEntry, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.repositories.names import is_folder_path
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.suites.loader import find_suite, load_suite, suite_names
from evalboard.suites.model import Suite
from evalboard.validation.checks import validate
from evalboard.validation.findings import error, info, listed, quoted, warning
from evalboard.validation.subject import Subject, left_empty
from evalboard.wording import plain

logger = logging.getLogger(__name__)

MAX_SENDER_CHARACTERS = 200


class Submission(Subject, frozen=True):
    """The fields of a submission."""

    sender: str = Field(default="", description="Name of the submitter, shown on the board.")
    suite: str = Field(default="", description="Suite of the evaluation. Empty: the board's suite.")
    priority: int = Field(default=0, description="Requests with a higher number run earlier.")


class EvaluationRequest(Submission, frozen=True):
    """A model to evaluate, and how to load and to ask it. Only its name is required."""

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
        json_schema_extra=left_empty,
        description="Number of questions to ask of each benchmark. Empty: all. With a limit the "
        "result is a trial: it stays in the work folder and never enters the board.",
    )
    num_fewshot: int | None = Field(
        default=None,
        ge=0,
        json_schema_extra=left_empty,
        description="Number of examples before each question. Empty: the suite's number. With "
        "another number the result is a trial, as with a limit.",
    )

    @property
    def is_trial(self) -> bool:
        """Whether the result stays out of the results store."""
        return self.limit is not None or self.num_fewshot is not None

    @property
    def is_whole(self) -> bool:
        """Whether this evaluation finishes the model's request."""
        return not self.is_trial and not self.benchmarks


class Submitted(NamedTuple):
    """The outcome of a submission."""

    report: Report
    request_path: str | None
    """Path of the request in its store, None if the checks found an error."""


def check_submission(
    submission: Submission, settings: Settings, *, allow_folder: bool = False
) -> Report:
    """Run all checks on a submission. A submission on the deny list is not checked further.

    Args:
        submission: The submission.
        settings: The settings.
        allow_folder: Whether model and base model can be folders of this machine, and the suite a
            file. Only for users of this machine, never for forms and files of strangers.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
        StoreError: The Hub did not answer.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    unknown = unknown_suite(submission.suite, settings, allow_file=allow_folder)
    suite = find_suite(submission.suite, settings)
    if suite is None and unknown is None:
        suite = load_suite(submission.suite)
    refused = find_denial(submission, submission.sender, settings)
    if refused:
        return denied_report(submission, refused)
    report = validate(submission, settings, allow_folder=allow_folder)
    found = (unknown,) if unknown else generation_findings(submission, suite, report)
    return with_findings(report, found)


def preview_submission(
    submission: Submission,
    settings: Settings,
    *,
    now: datetime | None = None,
    allow_folder: bool = False,
) -> Report:
    """Run all checks, including those against the queue, without submitting.

    Args:
        submission: The submission.
        settings: The settings.
        now: The current time, None to read the clock.
        allow_folder: As for `check_submission`. A folder is never in the queue.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    report = check_submission(submission, settings, allow_folder=allow_folder)
    if "precision" not in report.facts or is_folder_path(submission.model):
        return report
    time = now or datetime.now(UTC)
    try:
        queue = open_queue(settings)
        record = record_of(submission, report, settings, now=time)
        found = _repeated(record, queue, settings) or _in_excess(record, queue, settings, now=time)
    except StoreError as exc:
        logger.warning("The check for an earlier submission of a model failed: %s", exc)
        found = info(
            "queue_not_read",
            "The check for an earlier submission of this model failed. It is repeated when you "
            "submit the model.",
        )
    return with_findings(report, (found,)) if found else report


def submit(submission: Submission, settings: Settings, *, now: datetime | None = None) -> Submitted:
    """Check a submission. If it has no errors, add it to the queue and publish the queue.

    Args:
        submission: The submission.
        settings: The settings.
        now: Time of the submission, None for the current time.

    Returns:
        The report. It contains the finding `too_many_submissions` if the sender has reached the
        limit.

    Raises:
        DuplicateRequest: The same submission is in the queue. The message names it.
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
        return Submitted(with_findings(report, (too_many,)), None)
    path = queue.add(record, board_suite=load_suite(settings.suite).name)
    announce_queue(settings)
    return Submitted(report, path)


def record_of(
    submission: Submission, report: Report, settings: Settings, *, now: datetime | None = None
) -> RequestRecord:
    """Return the pending request of a submission that passed its checks."""
    time = timestamp(now)
    found = {
        "model": report.model,
        "revision": report.revision,
        "precision": report.facts["precision"],
        "base_model": report.facts.get("base_model", submission.base_model),
        "base_revision": report.facts.get("base_revision", ""),
        "think_end_token": report.facts.get("think_end_token", ""),
    }
    choice = PinnedChoice(**submission.choice_fields() | found)
    return RequestRecord(
        **RequestRecord.choice_fields(choice),
        params=report.facts.get("params_billion"),
        architectures=architectures_in(report),
        submitted_time=time,
        model_type=submission.model_type,
        sender=plain(submission.sender, MAX_SENDER_CHARACTERS),
        evalboard=BoardBlock(
            suite=suite_name(submission.suite, settings),
            priority=submission.priority,
            base_revision=choice.base_revision,
            history=(HistoryEntry(status=Status.PENDING, time=time, reason="submitted"),),
            report=report.to_document(),
        ),
    )


def suite_name(suite: str, settings: Settings) -> str:
    """Return the name under which a request stores its suite, also that of an unknown one.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
    """
    found = find_suite(suite, settings)
    return found.name if found else plain(suite, 100)


def unknown_suite(suite: str, settings: Settings, *, allow_file: bool = False) -> Finding | None:
    """Return the finding on a suite that does not exist, None for one that does.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded, or the user's own file.
    """
    if find_suite(suite, settings) or (allow_file and load_suite(suite)):
        return None
    return error(
        "unknown_suite",
        f"There is no suite {quoted(suite)}.",
        fix=f"Use one of {listed(suite_names(settings), shown=10)}, or leave it empty for the "
        "board's suite.",
    )


def generation_findings(
    choice: ModelChoice, suite: Suite | None, report: Report
) -> tuple[Finding, ...]:
    """Return the findings on a submission to a suite that asks for answers in words.

    Args:
        choice: The submission.
        suite: The suite, None for one that does not exist.
        report: The other checks of the submission.
    """
    policy = suite.generation if suite else None
    if suite is None or policy is None:
        return ()
    found: list[Finding] = []
    if policy.template == "required" and not choice.use_chat_template:
        found.append(_without_template(suite))
    can_think = report.facts.get("has_thinking_switch") and choice.use_chat_template
    if policy.thinking == "expected" and can_think and not choice.enable_thinking:
        found.append(_without_thinking(suite))
    length = report.facts.get("max_length")
    if isinstance(length, int) and length <= policy.min_tokens:
        found.append(_too_short(suite, length, policy.min_tokens))
    return tuple(found)


def _too_short(suite: Suite, length: int, least: int) -> Finding:
    return error(
        "context_too_short",
        f"The model's context has {length:,} tokens. The suite {quoted(suite.name)} needs {least:,} "
        "for an answer, and more for the question.",
        fix="Submit a model with a longer context.",
        where="config.json",
    )


def _without_template(suite: Suite) -> Finding:
    return error(
        "template_required",
        f"The suite {quoted(suite.name)} asks chat models for answers in words, but the submission "
        "does not use the chat template.",
        fix="Submit the model with its chat template. A model without one belongs to suites in which "
        "it ranks choices.",
        where="use_chat_template",
    )


def _without_thinking(suite: Suite) -> Finding:
    return warning(
        "thinking_expected",
        f"The chat template has a switch for thinking, and the suite {quoted(suite.name)} expects "
        "models that can think to do so. Without thinking, the model has a row of its own.",
        fix="Submit the model with thinking, too.",
        where="enable_thinking",
    )


def _repeated(record: RequestRecord, queue: RequestQueue, settings: Settings) -> Finding | None:
    """Return the finding on a submission that was made before and cannot replace the first one."""
    former = _former(record, queue, settings)
    if former is None or former.record is None or former.record.status in REPLACEABLE:
        return None
    return repetition(former)


def _in_excess(
    record: RequestRecord, queue: RequestQueue, settings: Settings, *, now: datetime
) -> Finding | None:
    """Return the finding on a new submission of a sender at the limit."""
    if _former(record, queue, settings):
        return None
    return excess(queue.entries(), load_rules(settings), record, now=now)


def _former(record: RequestRecord, queue: RequestQueue, settings: Settings) -> QueuedRequest | None:
    board = load_suite(settings.suite).name
    return queue.find(request_identity(record, board), board_suite=board)


def find_denial(choice: ModelChoice, sender: str, settings: Settings) -> Finding | None:
    """Return the finding on a submission on the deny list, None for any other.

    Raises:
        ConfigError: The deny list cannot be read.
    """
    rules = load_rules(settings)
    return denial(rules, model=choice.model, base_model=choice.base_model, sender=sender)


def denied_report(choice: ModelChoice, refused: Finding) -> Report:
    """Return the report on a submission that is refused without checks."""
    model, revision = plain(choice.model, 200), plain(choice.revision, 200)
    return Report(model=model, revision=revision, findings=(refused,))


def with_findings(report: Report, findings: Sequence[Finding]) -> Report:
    """Return a report with further findings in front."""
    return report.model_copy(update={"findings": (*findings, *report.findings)})


def architectures_in(report: Report) -> str | None:
    """Return the architectures that the checks found, in the form of requests."""
    return ", ".join(report.facts.get("architectures", ())) or None
