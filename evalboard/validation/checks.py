"""Run all checks and make the report. A new check is one module and one line here."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from evalboard.errors import ConfigError, ModelNotFound
from evalboard.records.report import Finding, Report
from evalboard.repositories import find_repository
from evalboard.repositories.names import check_board_name
from evalboard.settings import Settings
from evalboard.validation import (
    autoclasses,
    card,
    chat,
    licence,
    precision,
    weight_type,
    weights,
)
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, plain
from evalboard.validation.subject import Subject

CHECKS: tuple[Callable[[Evidence], Outcome], ...] = (
    weights.check,
    weight_type.check,
    autoclasses.check,
    licence.check,
    card.check,
    precision.check,
    chat.check,
)


def validate(subject: Subject, settings: Settings, *, allow_folder: bool = False) -> Report:
    """Run every check that can be run and return all their findings.

    Args:
        subject: What is to be evaluated.
        settings: Where models are, and what this installation can run.
        allow_folder: Whether the model may be a folder of this machine. Only for people who are
            on it: never for a form or a file that strangers fill in.

    Raises:
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: The processes that load config and tokenizer cannot start here.
    """
    findings = [
        *weight_type.check_subject(subject),
        *precision.check_installation(subject, settings),
    ]
    with tempfile.TemporaryDirectory(prefix="evalboard-check-") as scratch:
        try:
            if not allow_folder:
                check_board_name(subject.model)
            evidence = gather(subject, settings, Path(scratch))
        except (ModelNotFound, ConfigError) as exc:
            return Report(
                model=plain(subject.model, 200),
                revision=plain(subject.revision, 200),
                findings=(_not_found(exc), *findings),
            )
        return _report(evidence, findings)


def gather(subject: Subject, settings: Settings, scratch: Path) -> Evidence:
    """Find the repository, pin its revision and copy its small files.

    Raises:
        ConfigError: The model or the revision is not a name at all.
        ModelNotFound: There is no such model, or not at that revision.
        StoreError: The Hub did not answer.
    """
    repository = find_repository(subject.model, subject.revision, settings)
    folder = repository.small_files(scratch / "repository")
    work = scratch / "work"
    work.mkdir()
    return Evidence(subject, settings, repository, folder, work)


def _report(evidence: Evidence, findings: list[Finding]) -> Report:
    outcomes = [check(evidence) for check in CHECKS]
    return Report(
        model=evidence.repository.model,
        revision=evidence.repository.revision,
        findings=(*findings, *(f for outcome in outcomes for f in outcome.findings)),
        facts={key: value for outcome in outcomes for key, value in outcome.facts.items()},
    )


def _not_found(exc: ModelNotFound | ConfigError) -> Finding:
    code = exc.code if isinstance(exc, ModelNotFound) else "invalid_name"
    return error(code, exc.message, fix="Correct the name or the revision, and submit again.")
