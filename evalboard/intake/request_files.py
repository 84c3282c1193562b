"""Check request files from other programs, and fill in what they leave open.

The content comes from strangers, so models and suites are only names, never files of this machine.
"""

from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from evalboard.intake.submission import (
    MAX_SENDER_CHARACTERS,
    architectures_in,
    denied_report,
    find_denial,
    with_findings,
)
from evalboard.intake.suite_findings import generation_findings, suite_findings, suite_name
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.report import Finding, Report
from evalboard.records.request import ModelType, RequestRecord
from evalboard.repositories.names import is_board_name, is_commit
from evalboard.settings import Settings
from evalboard.suites.loader import find_suite
from evalboard.validation.checks import validate
from evalboard.validation.findings import error, listed, quoted
from evalboard.validation.subject import Subject
from evalboard.wording import plain

Word = TypeVar("Word", bound=StrEnum)

CHECKED_BY_POLL = "checked_by_poll"
"""Code of findings that name a check which this installation cannot make."""


class RequestCheck(NamedTuple):
    """A request with the results of its checks."""

    record: RequestRecord
    report: Report


def check_request(record: RequestRecord, settings: Settings) -> RequestCheck:
    """Check a request file from any program, and fill in what it leaves open.

    A renamed model gets its new name, revisions become commit shas, and an empty suite becomes the
    board's. The original values are kept under `evalboard.original`. The status does not change.

    Raises:
        ConfigError: A suite that the settings name cannot be loaded.
        StoreError: The Hub did not answer.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    precision = _known(Precision, record.precision)
    weight_type = _known(WeightType, record.weight_type)
    suite = suite_name(record.evalboard.suite, settings)
    asked = record.choice.choice_fields() | {
        "precision": precision,
        "weight_type": weight_type or WeightType.ORIGINAL,
    }
    subject = Subject(**asked, model_type=ModelType.parse(record.model_type))
    refused = find_denial(subject, record.sender, settings)
    if refused:
        report = denied_report(subject, refused)
    else:
        problems = [*suite_findings(record.evalboard.suite, settings)]
        if precision is None:
            problems.append(_unknown("precision", record.precision, Precision))
        if weight_type is None:
            problems.append(_unknown("weight_type", record.weight_type, WeightType))
        validated = validate(subject, settings)
        problems += generation_findings(subject, find_suite(suite, settings), validated)
        report = with_findings(validated, problems)
    updated: dict[str, Any] = {
        "model": report.model if report.ok else record.model,
        "sender": plain(record.sender, MAX_SENDER_CHARACTERS),
        "base_model": report.facts.get("base_model", record.base_model),
        "revision": report.revision,
        "think_end_token": report.facts.get("think_end_token", ""),
        "params": report.facts.get("params_billion", record.params),
        "architectures": architectures_in(report) or record.architectures,
    }
    block = {
        "suite": suite,
        "base_revision": report.facts.get("base_revision", ""),
        "report": report.to_document(),
        "original": _replaced(record, updated) | record.evalboard.original,
    }
    updated["evalboard"] = record.evalboard.model_copy(update=block)
    return RequestCheck(record.model_copy(update=updated), report)


def is_checked(record: RequestRecord) -> bool:
    """Return whether a request contains the full report on its submission, and can be started.

    It is only asked about requests that this board has signed. Then the model and the base model
    are names, the revisions are commits, and no check is left to the poll, as in a report from an
    installation without transformers.
    """
    try:
        report = Report.model_validate(record.evalboard.report)
    except ValidationError:
        return False
    complete = all(finding.code != CHECKED_BY_POLL for finding in report.findings)
    same = (report.model, report.revision) == (record.model, record.revision)
    base = report.facts.get("base_revision", "")
    same_base = record.evalboard.base_revision == base
    return report.ok and complete and same and same_base and _is_loadable(record)


def _is_loadable(record: RequestRecord) -> bool:
    """Return whether a request names what can be loaded, in words that the board knows."""
    known = _known(Precision, record.precision) and _known(WeightType, record.weight_type)
    pinned = is_board_name(record.model) and is_commit(record.revision)
    has_base = record.weight_type == WeightType.ORIGINAL or (
        is_board_name(record.base_model) and is_commit(record.evalboard.base_revision)
    )
    ends_thinking = bool(record.think_end_token) or not record.enable_thinking
    return bool(known) and pinned and has_base and ends_thinking


def _replaced(record: RequestRecord, updated: dict[str, Any]) -> dict[str, Any]:
    """Return the file's original values of the fields that a check has changed."""
    return {
        field: getattr(record, field)
        for field, value in updated.items()
        if field in record.model_fields_set and getattr(record, field) not in (value, None, "")
    }


def _known(words: type[Word], text: str) -> Word | None:
    return words(text) if text in list(words) else None


def _unknown(name: str, text: str, choices: type[StrEnum]) -> Finding:
    return error(
        f"{name}_unknown",
        f"The {name} {quoted(text)} is unknown.",
        fix=f"Use one of {listed(list(choices), shown=len(choices))}.",
    )
