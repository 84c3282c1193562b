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
from evalboard.intake.suite_findings import (
    generation_findings,
    named_suite,
    suite_findings,
    suite_name,
    unknown_suite,
)
from evalboard.lifecycle import REPLACEABLE
from evalboard.publishing import announce_queue
from evalboard.queueing.bell import ring
from evalboard.records.choice import ModelChoice, PinnedChoice
from evalboard.records.report import Finding, Level, Report
from evalboard.records.request import BoardBlock, HistoryEntry, RequestRecord, Status
from evalboard.records.times import timestamp
from evalboard.repositories.names import is_folder_path
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import QueuedRequest, RequestQueue
from evalboard.suites.loader import load_suite
from evalboard.validation.checks import validate
from evalboard.validation.findings import info
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
        """Whether this evaluation finishes the model's request.

        A request that waits for a part of its suite, after a backfill, has its path here.
        """
        return not self.is_trial and (not self.benchmarks or bool(self.request_path))


class Submitted(NamedTuple):
    """The outcome of a submission."""

    report: Report
    request_paths: tuple[str, ...]
    """Path in its store of the request for each suite. Empty if the checks found an error."""
    records: tuple[RequestRecord, ...] = ()
    """What was submitted, in the same order."""

    @property
    def request_path(self) -> str | None:
        """Path of the first request, None if the checks found an error."""
        return next(iter(self.request_paths), None)


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
    suite = named_suite(submission.suite, settings, allow_file=allow_folder)
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
    suites: Sequence[str] = (),
    now: datetime | None = None,
    allow_folder: bool = False,
) -> Report:
    """Run all checks, including those against the queue, without submitting.

    Args:
        submission: The submission.
        settings: The settings.
        suites: As for `submit`.
        now: The current time, None to read the clock.
        allow_folder: As for `check_submission`. A folder is never in the queue.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    asked = _for_each(submission, suites)
    report = _check_all(asked, settings, allow_folder=allow_folder)
    if "precision" not in report.facts or is_folder_path(submission.model):
        return report
    time = now or datetime.now(UTC)
    try:
        queue = open_queue(settings)
        records = [record_of(each, report, settings, now=time) for each in asked]
        new, found = _not_repeated(records, queue, settings)
        found += _in_excess(new, queue, settings, now=time)
    except StoreError as exc:
        logger.warning("The check for an earlier submission of a model failed: %s", exc)
        unread = info(
            "queue_not_read",
            "The check for an earlier submission of this model failed. It is repeated when you "
            "submit the model.",
        )
        found = [unread]
    return with_findings(report, found)


def submit(
    submission: Submission,
    settings: Settings,
    *,
    suites: Sequence[str] = (),
    now: datetime | None = None,
) -> Submitted:
    """Check a submission. If it has no errors, add it to the queue and publish the queue.

    Each suite gets a request of its own. A suite to which the model has been submitted before is left
    out, unless it is so with all of them.

    Args:
        submission: The submission.
        settings: The settings.
        suites: Names of the suites. Empty: that of the submission.
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
    asked = _for_each(submission, suites)
    report = _check_all(asked, settings)
    if not report.ok:
        return Submitted(report, ())
    records = [record_of(each, report, settings, now=time) for each in asked]
    new, repeated = _not_repeated(records, queue, settings)
    too_many = _in_excess(new, queue, settings, now=time)
    if too_many:
        return Submitted(with_findings(report, too_many), ())
    board = load_suite(settings.suite).name
    added = tuple(new or records[:1])
    paths = tuple(queue.add(record, board_suite=board) for record in added)
    announce_queue(settings)
    ring(settings)
    return Submitted(with_findings(report, repeated), paths, added)


def _for_each(submission: Submission, suites: Sequence[str]) -> list[Submission]:
    """Return the submission for each suite."""
    names = dict.fromkeys(suites or (submission.suite,))
    return [submission.model_copy(update={"suite": name}) for name in names]


def _check_all(
    asked: Sequence[Submission], settings: Settings, *, allow_folder: bool = False
) -> Report:
    """Check a submission once, and whether the model can answer each of the suites."""
    report = check_submission(asked[0], settings, allow_folder=allow_folder)
    found: list[Finding] = []
    for each in asked:
        found += suite_findings(each.suite, settings, allow_file=allow_folder)
    for each in asked[1:]:
        suite = named_suite(each.suite, settings, allow_file=allow_folder)
        found += generation_findings(each, suite, report)
    return with_findings(report, [f for f in found if f not in report.findings])


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


def _not_repeated(
    records: Sequence[RequestRecord], queue: RequestQueue, settings: Settings
) -> tuple[list[RequestRecord], list[Finding]]:
    """Return the submissions that were not made before, or can replace the first one.

    The findings on the others are no errors if any is left.
    """
    new: list[RequestRecord] = []
    found: list[Finding] = []
    for record in records:
        former = _former(record, queue, settings)
        if former is None or former.record is None or former.record.status in REPLACEABLE:
            new.append(record)
        else:
            found.append(repetition(former))
    if new:
        found = [finding.model_copy(update={"level": Level.INFO}) for finding in found]
    return new, found


def _in_excess(
    records: Sequence[RequestRecord], queue: RequestQueue, settings: Settings, *, now: datetime
) -> list[Finding]:
    """Return the finding on new submissions of a sender beyond the limit: none of them is made."""
    new = [record for record in records if _former(record, queue, settings) is None]
    if not new:
        return []
    before = [QueuedRequest(record.path, record) for record in new[:-1]]
    found = excess([*queue.entries(), *before], load_rules(settings), new[-1], now=now)
    return [found] if found else []


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
