"""Check request files, which another board or anybody may have written, and fill in what they leave.

Everything here is written by strangers, so models are names only, never folders of this machine.
"""

from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from evalboard.intake.submission import (
    architectures_in,
    denied_report,
    find_denial,
    resolve_suite,
    with_findings,
)
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.report import Finding, Report
from evalboard.records.request import ModelType, RequestRecord
from evalboard.repositories.names import is_commit
from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.findings import error, listed, quoted
from evalboard.validation.subject import Subject

Word = TypeVar("Word", bound=StrEnum)


class RequestCheck(NamedTuple):
    """A request with what the checks learned."""

    record: RequestRecord
    report: Report


def check_request(record: RequestRecord, settings: Settings) -> RequestCheck:
    """Check a request file, which another board may have written, and fill in what it leaves open.

    Its revision and its base's become commit shas and its suite the board's; what the file said
    there is kept under `evalboard.original`. Its status stays as it is.

    Raises:
        ConfigError: The board's own suite cannot be loaded.
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    precision = _known(Precision, record.precision)
    weight_type = _known(WeightType, record.weight_type)
    suite = resolve_suite(record.evalboard.suite, settings)
    asked = record.choice.choice_fields() | {
        "precision": precision,
        "weight_type": weight_type or WeightType.ORIGINAL,
    }
    subject = Subject(**asked, model_type=ModelType.parse(record.model_type))
    refused = find_denial(subject, record.sender, settings)
    if refused:
        report = denied_report(subject, refused)
    else:
        problems = list(suite.findings)
        if precision is None:
            problems.append(_unknown("precision", record.precision, Precision))
        if weight_type is None:
            problems.append(_unknown("weight_type", record.weight_type, WeightType))
        report = with_findings(validate(subject, settings), problems)
    updated: dict[str, Any] = {
        "base_model": report.facts.get("base_model", record.base_model),
        "revision": report.revision,
        "params": report.facts.get("params_billion", record.params),
        "architectures": architectures_in(report) or record.architectures,
    }
    block = {
        "suite": suite.name,
        "base_revision": report.facts.get("base_revision", ""),
        "report": report.to_document(),
        "original": _replaced(record, updated) | record.evalboard.original,
    }
    updated["evalboard"] = record.evalboard.model_copy(update=block)
    return RequestCheck(record.model_copy(update=updated), report)


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


def _replaced(record: RequestRecord, updated: dict[str, Any]) -> dict[str, Any]:
    """Return what a file said itself in the fields that a check gives other values."""
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
