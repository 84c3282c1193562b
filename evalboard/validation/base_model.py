"""Find the base model of an adapter or a delta, and check its weights."""

from collections.abc import Iterator
from typing import NamedTuple

from evalboard.errors import ConfigError, ModelNotFound
from evalboard.records.choice import WeightType
from evalboard.records.report import Finding
from evalboard.repositories import Repository, find_repository, is_offline
from evalboard.repositories.names import is_board_name, is_folder_path
from evalboard.settings import Settings
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, of_base, quoted, warning
from evalboard.validation.subject import Subject
from evalboard.validation.weights import weight_errors


class BaseLookup(NamedTuple):
    """The base model of a submission."""

    repository: Repository | None
    """None if the base model is not available or not needed."""
    findings: tuple[Finding, ...] = ()


def find(subject: Subject, settings: Settings, *, allow_folder: bool) -> BaseLookup:
    """Find the base model and pin its revision.

    Raises:
        StoreError: The Hub did not answer, so that nothing can be said about the base model.
    """
    named = is_board_name(subject.base_model) or (
        allow_folder and is_folder_path(subject.base_model)
    )
    if subject.weight_type is WeightType.ORIGINAL:
        return BaseLookup(None, tuple(_of_whole_weights(subject, settings, is_named=named)))
    if not named:
        return BaseLookup(None, (_unnamed(subject),))
    try:
        return BaseLookup(find_repository(subject.base_model, subject.base_revision, settings))
    except (ModelNotFound, ConfigError) as exc:
        finding = error(
            "base_model_not_found",
            f"The base model is not available: {exc.message}",
            fix="Correct the name or the revision of the base model and submit again.",
        )
        return BaseLookup(None, (finding,))


def check(evidence: Evidence) -> Outcome:
    """Check that the base model has full weights, and return its facts."""
    base = evidence.base
    if base is None:
        return Outcome()
    name = base.repository.model
    facts = {"base_model": name, "base_revision": base.repository.revision}
    findings = [of_base(finding, name) for finding in weight_errors(base.weights)]
    delta = evidence.subject.weight_type is WeightType.DELTA
    own, whole = evidence.weights.survey.total, base.weights.survey.total
    if delta and own and whole and own != whole:
        findings.append(
            warning(
                "delta_size",
                f"The delta has {own:,} values, its base model {whole:,}. Every tensor needs a "
                "counterpart, or loading fails.",
                fix="Name the base model from which the delta was computed.",
            )
        )
    return Outcome(tuple(findings), facts)


def _of_whole_weights(subject: Subject, settings: Settings, *, is_named: bool) -> Iterator[Finding]:
    """Yield what is wrong with the base model of whole weights, which do not need it."""
    if not subject.base_model:
        return
    if not is_named:
        yield _strange(subject)
    elif not is_offline(settings):  # a mirror need not have it
        try:
            find_repository(subject.base_model, subject.base_revision, settings)
        except (ModelNotFound, ConfigError) as exc:
            yield warning(
                "base_model_not_found",
                f"The base model is not available: {exc.message}",
                fix="Correct the name or the revision of the base model.",
            )


def _unnamed(subject: Subject) -> Finding:
    return error(
        "invalid_base_model" if subject.base_model else "no_base_model",
        f"Weights of type {subject.weight_type} need a base model. The submission names "
        f"{quoted(subject.base_model)}.",
        fix="Name the base model as `org/name`.",
    )


def _strange(subject: Subject) -> Finding:
    return warning(
        "invalid_base_model",
        f"The base model {quoted(subject.base_model)} is not a model name.",
        fix="Use `org/name`, or leave the field empty.",
    )
