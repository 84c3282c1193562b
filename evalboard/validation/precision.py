"""Check that the checkpoint can be evaluated in the requested precision on this installation."""

from collections.abc import Iterator
from importlib.util import find_spec

from evalboard.backends import backend_for
from evalboard.records.choice import WeightType
from evalboard.records.precision import PLAIN_PRECISIONS, Precision, stored_as
from evalboard.records.report import Finding
from evalboard.settings import Settings
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, listed, quoted, warning
from evalboard.validation.quantisation import (
    FP8,
    INT4,
    INT8,
    Quantisation,
    bare_weights,
    read_quantisation,
    stored_method,
)
from evalboard.validation.subject import Subject
from evalboard.validation.tensors import Survey

FALLBACK = Precision.FLOAT16
"""Precision if the checkpoint does not name one."""
OVERFLOWING_SHARE = 0.01
"""Fraction of values in bfloat16 from which the warning is given."""
NARROW = ("float8", "int8", "uint8", "f8_", "f6_", "f4")
"""Types of weights that only quantisation produces."""


def check_installation(subject: Subject, settings: Settings) -> tuple[Finding, ...]:
    """Check that this installation supports the requested precision for any checkpoint."""
    precision = subject.precision
    if precision is None:
        return ()
    backend = backend_for(precision, settings.backend)
    if not backend.runs(precision):
        return (_unsupported(f"No backend runs {precision}", settings),)
    library = backend.precisions[precision]
    if not library:
        return ()
    if find_spec("transformers") is None:
        return (
            info("checked_by_poll", f"The queue's worker will check whether {precision} can run."),
        )
    if find_spec(library) is None:
        return (_unsupported(f"{precision} needs {library!r}, which is not installed", settings),)
    return ()


def check(evidence: Evidence) -> Outcome:
    """Compare the requested precision with that of the checkpoint."""
    quantised = read_quantisation(evidence.config.content)
    survey = _whole(evidence)
    natural = _natural(quantised, survey.stored_type if survey else None)
    asked = evidence.subject.precision
    findings = [*(_contradictions(quantised, survey) if survey else ())]
    if quantised:
        findings += _quantised_problem(evidence, quantised, natural)
    else:
        findings += _float_problem(asked, natural, survey)
    facts = {"precision": str(asked or natural or FALLBACK)}
    if quantised:
        facts["quantisation"] = quantised.title or "unknown"
    return Outcome(tuple(findings), facts)


def _quantised_problem(
    evidence: Evidence, quantised: Quantisation, natural: Precision | None
) -> Iterator[Finding]:
    subject = evidence.subject
    if natural is None:
        message = (
            f"The checkpoint is quantised with {quoted(quantised.title or None)}. This board has "
            "no precision for it."
        )
        fix = "Submit the unquantised model."
    elif not _is_put_on_quantised(evidence, natural):
        message = (
            f"Weights of type {subject.weight_type} cannot be added to a checkpoint that is "
            f"stored as {natural}."
        )
        fix = "Name the unquantised base model."
    elif subject.precision not in (None, natural):
        message = (
            f"The checkpoint is stored as {natural} and cannot be evaluated in {subject.precision}."
        )
        fix = f"Choose {natural}, or submit the unquantised model."
    else:
        return
    where = f"config.json: {quantised.where}"
    yield error("precision_unsupported", message, fix=fix, where=where)


def _float_problem(
    asked: Precision | None, natural: Precision | None, survey: Survey | None
) -> Iterator[Finding]:
    if asked and asked.must_be_stored:
        yield error(
            "precision_unsupported",
            f"The submission asks for {asked}, but the checkpoint is not quantised.",
            fix="Choose the precision of the checkpoint, or leave the field empty.",
            where="config.json: quantization_config",
        )
    share = _share(survey, "bfloat16") if survey else 0
    if asked is Precision.FLOAT16 and (natural is Precision.BFLOAT16 or share >= OVERFLOWING_SHARE):
        yield warning(
            "bfloat16_as_float16",
            f"The weights are stored in bfloat16 ({share:.0%} of the values). In float16 values "
            "above 65,504 overflow, and the scores can become NaN.",
            fix="Choose bfloat16.",
            where=f"precision: {asked}",
        )


def _contradictions(quantised: Quantisation | None, survey: Survey) -> Iterator[Finding]:
    """Yield findings where config and tensors disagree about quantisation."""
    stored = stored_method(survey)
    narrow = survey.stored_type or ""
    if quantised is None and (stored or narrow.startswith(NARROW)):
        how = f"with {stored.title}" if stored else f"({narrow})"
        yield error(
            "quantisation_unnamed",
            f"The stored tensors are quantised {how}, but config.json does not say so. They would "
            "be misread.",
            fix="Save the model with the library that quantised it, which adds "
            "`quantization_config` to config.json, or submit the unquantised model.",
            where="config.json: quantization_config",
        )
    if quantised is None or quantised.method is None:
        return
    where = f"config.json: {quantised.where}"
    if stored is None and quantised.method is not FP8:
        yield error(
            "quantisation_missing",
            f"config.json says that the checkpoint is quantised with {quantised.title}, but no "
            "stored tensor is quantised.",
            fix="Remove `quantization_config`, or upload the quantised weights.",
            where=where,
        )
    elif stored and {stored, quantised.method} == {INT4, INT8}:
        yield error(
            "quantisation_missing",
            f"config.json says {quantised.title}, but the tensors are stored as {stored.title}.",
            fix="Upload the config and the weights of the same model.",
            where=where,
        )
    elif lacking := bare_weights(survey, quantised.method):
        yield error(
            "missing_tensors",
            "Tensors that are needed to read the quantised weights are missing: "
            f"{listed(lacking)}.",
            fix="Save the model again with the library that quantised it.",
            where=lacking[0],
        )


def runnable(settings: Settings) -> list[Precision]:
    """Return the precisions that this installation supports with a suitable checkpoint."""
    return [precision for precision in Precision if _is_runnable(precision, settings)]


def _is_runnable(precision: Precision, settings: Settings) -> bool:
    backend = backend_for(precision, settings.backend)
    library = backend.precisions.get(precision)
    return library is not None and (not library or find_spec(library) is not None)


def _unsupported(reason: str, settings: Settings) -> Finding:
    return error(
        "precision_unsupported",
        f"{reason}.",
        fix=f"This installation supports {', '.join(runnable(settings))}.",
    )


def _whole(evidence: Evidence) -> Survey | None:
    """Return the stored type of the weights; for an adapter, that of its base."""
    if not evidence.is_adapter:
        return evidence.weights.survey
    return evidence.base.weights.survey if evidence.base else None


def _share(survey: Survey, kind: str) -> float:
    return survey.parameters.get(kind, 0) / max(1, survey.total)


def _is_put_on_quantised(evidence: Evidence, natural: Precision) -> bool:
    """Return whether the weights can be combined with a checkpoint of this quantisation."""
    if evidence.subject.weight_type is WeightType.ORIGINAL:
        return True
    return evidence.is_adapter and natural.facts.is_made_by_loading  # as such adapters are trained


def _natural(quantised: Quantisation | None, stored: str | None) -> Precision | None:
    """Return the precision of the checkpoint, None if no name fits."""
    if quantised is None:
        return Precision(stored) if stored in PLAIN_PRECISIONS else None
    return stored_as(quantised.name)
