"""Run all checks and make the report. A new check is one module and one line here."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from evalboard.errors import ConfigError, EngineError, ModelNotFound
from evalboard.records.choice import WeightType
from evalboard.records.report import Finding, Report
from evalboard.repositories import Repository, find_repository
from evalboard.repositories.composing import compose_small_files
from evalboard.repositories.names import check_board_name, is_board_name
from evalboard.repositories.searching import similar_models
from evalboard.settings import Settings
from evalboard.validation import (
    adapter,
    autoclasses,
    base_model,
    card,
    chat,
    child,
    fit,
    json_files,
    licence,
    lineage,
    listing,
    pointers,
    precision,
    size,
    thinking,
    tokenizer,
    weight_type,
    weights,
)
from evalboard.validation.evidence import Base, Evidence
from evalboard.validation.findings import Outcome, error, quoted
from evalboard.validation.subject import Subject
from evalboard.wording import plain

Check = Callable[[Evidence], Outcome]

CHECKS: tuple[Check, ...] = (
    listing.check,
    pointers.check,
    weights.check,
    weight_type.check,
    base_model.check,
    adapter.check,
    autoclasses.check,
    fit.check,
    tokenizer.check,
    licence.check,
    card.check,
    lineage.check,
    json_files.check,
    precision.check,
    size.check,
    chat.check,
    thinking.check,
)


def validate(
    subject: Subject,
    settings: Settings,
    *,
    allow_folder: bool = False,
    checks: Sequence[Check] = CHECKS,
) -> Report:
    """Run every possible check and return all findings.

    Args:
        subject: The submission.
        settings: The settings.
        allow_folder: Whether model and base model can be folders of this machine. Only for users of
            this machine, never for forms and files of strangers.
        checks: Checks in addition to those of name, base model and installation.

    Raises:
        StoreError: The Hub did not answer, so that nothing can be said about the model.
        EngineError: This machine could not load config or tokenizer, for a reason of its own.
    """
    child.warm_up()
    base, base_findings = base_model.find(subject, settings, allow_folder=allow_folder)
    findings = [*base_findings, *precision.check_installation(subject, settings)]
    with tempfile.TemporaryDirectory(prefix="evalboard-check-") as scratch:
        try:
            if not allow_folder:
                check_board_name(subject.model)
            evidence = gather(subject, settings, Path(scratch), base=base)
        except (ModelNotFound, ConfigError) as exc:
            similar = _similar(subject, exc, settings)
            return Report(
                model=plain(subject.model, 200),
                revision=plain(subject.revision, 200),
                findings=(_not_found(exc, similar), *findings),
                facts={"similar_models": similar} if similar else {},
            )
        try:
            return _report(evidence, findings, checks)
        except EngineError as exc:
            message = f"Model {plain(subject.model, 200)!r} was not checked. {exc.message}"
            raise EngineError(message, log_tail=exc.log_tail) from exc


def gather(
    subject: Subject, settings: Settings, scratch: Path, *, base: Repository | None = None
) -> Evidence:
    """Find the repository, pin its revision and copy its small files.

    Args:
        subject: The submission.
        settings: The settings.
        scratch: An empty folder to copy to.
        base: The base model of an adapter or a delta, if it was found.

    Raises:
        ConfigError: The name of the model or of the revision is invalid.
        ModelNotFound: There is no such model, or it has no such revision.
        StoreError: The Hub did not answer.
    """
    repository = find_repository(subject.model, subject.revision, settings)
    folder = repository.small_files(scratch / "repository")
    work = scratch / "work"
    work.mkdir()
    if base is None:
        return Evidence(subject, settings, repository, folder, work, None, folder)
    base_folder = base.small_files(scratch / "base")
    composed = compose_small_files(
        folder,
        base_folder,
        scratch / "composed",
        own_config=subject.weight_type is not WeightType.ADAPTER,
    )
    return Evidence(subject, settings, repository, folder, work, Base(base, base_folder), composed)


def _report(evidence: Evidence, findings: list[Finding], checks: Sequence[Check]) -> Report:
    with ThreadPoolExecutor(len(checks)) as threads:
        outcomes = list(threads.map(lambda check: check(evidence), checks))
    return Report(
        model=evidence.repository.model,
        revision=evidence.repository.revision,
        findings=(*findings, *(f for outcome in outcomes for f in outcome.findings)),
        facts={key: value for outcome in outcomes for key, value in outcome.facts.items()},
    )


def _similar(subject: Subject, exc: ModelNotFound | ConfigError, settings: Settings) -> list[str]:
    """Return existing models with a name like that of a missing one."""
    is_missing = isinstance(exc, ConfigError) or type(exc) is ModelNotFound
    looks_like_one = is_board_name(subject.model) or is_board_name(f"org/{subject.model}")
    return similar_models(subject.model, settings) if is_missing and looks_like_one else []


def _not_found(exc: ModelNotFound | ConfigError, similar: list[str]) -> Finding:
    code = exc.code if isinstance(exc, ModelNotFound) else "invalid_name"
    meant = f"Did you mean {' or '.join(map(quoted, similar))}? " if similar else ""
    return error(
        code, exc.message, fix=f"{meant}Correct the name or the revision and submit again."
    )
