"""Check that the checkpoint can be evaluated in the precision asked for, and here."""

from importlib.util import find_spec
from typing import Any

from evalboard.records.report import Finding
from evalboard.records.request import BITSANDBYTES, Precision, WeightType
from evalboard.settings import Settings
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, quoted, warning
from evalboard.validation.subject import Subject

FLOATS = (Precision.FLOAT16, Precision.BFLOAT16, Precision.FLOAT32)
FALLBACK = Precision.FLOAT16
"""Used when the checkpoint does not say what it is stored in."""


def check_installation(subject: Subject, settings: Settings) -> tuple[Finding, ...]:
    """Check that this installation can run the precision asked for, whatever the checkpoint."""
    precision = subject.precision
    library = _library(precision, settings)
    if library is None:
        return ()
    if find_spec("transformers") is None:
        return (info("checked_by_poll", f"Whether {precision} can run is checked by the poll."),)
    if find_spec(library) is None:
        return (_unsupported(f"{precision} needs {library!r}, not installed here", settings),)
    return ()


def check(evidence: Evidence) -> Outcome:
    """Compare the precision asked for with what the checkpoint is stored in."""
    quantised = _quantisation(evidence.config.content)
    natural = _natural(quantised, _stored_type(evidence))
    asked = evidence.subject.precision
    facts = {"precision": str(asked or natural or FALLBACK)}
    finding = (
        _quantised_problem(evidence, quantised, natural)
        if quantised
        else _float_problem(asked, natural)
    )
    return Outcome((finding,) if finding else (), facts)


def _quantised_problem(
    evidence: Evidence, quantised: dict[str, Any], natural: Precision | None
) -> Finding | None:
    subject = evidence.subject
    if natural is None:
        method = quoted(quantised["quant_method"])
        message = (
            f"The checkpoint is quantised with {method}, which none of this board's precisions "
            "stands for."
        )
        fix = "Submit the model that it was made from."
    elif not _is_put_on_quantised(evidence, natural):
        message = (
            f"Weights of type {subject.weight_type} cannot be put on a checkpoint that is "
            f"quantised as {natural}."
        )
        fix = "Name the base model that it was quantised from."
    elif subject.precision not in (None, natural):
        message = (
            f"The checkpoint is quantised as {natural} and cannot be evaluated as "
            f"{subject.precision}."
        )
        fix = f"Ask for {natural}, or submit the model that it was made from."
    else:
        return None
    where = "config.json: quantization_config"
    return error("precision_unsupported", message, fix=fix, where=where)


def _float_problem(asked: Precision | None, natural: Precision | None) -> Finding | None:
    if asked is Precision.GPTQ:
        return error(
            "precision_unsupported",
            "GPTQ is asked for, and the checkpoint is not quantised with it.",
            fix="Ask for the precision that the checkpoint is stored in, or for none.",
            where="config.json: quantization_config",
        )
    if asked is Precision.FLOAT16 and natural is Precision.BFLOAT16:
        return warning(
            "bfloat16_as_float16",
            "The weights are stored in bfloat16; in float16, whose range is smaller, values can "
            "overflow and scores become worthless (NaN).",
            fix="Ask for bfloat16.",
        )
    return None


def runnable(settings: Settings) -> list[Precision]:
    """Return the precisions that this installation can run, given a checkpoint that fits."""
    quantised = (*BITSANDBYTES, Precision.GPTQ)
    return [*FLOATS, *(p for p in quantised if _is_installed(_library(p, settings)))]


def _is_installed(library: str | None) -> bool:
    return library is None or find_spec(library) is not None


def _library(precision: Precision | None, settings: Settings) -> str | None:
    """Return what a precision needs beside the backend itself."""
    if precision in BITSANDBYTES:
        return "bitsandbytes"
    return "gptqmodel" if precision is Precision.GPTQ and settings.backend == "hf" else None


def _unsupported(reason: str, settings: Settings) -> Finding:
    return error(
        "precision_unsupported",
        f"{reason}.",
        fix=f"This installation runs {', '.join(runnable(settings))}.",
    )


def _stored_type(evidence: Evidence) -> str | None:
    """Return the type of most values; an adapter's is its base's."""
    if not evidence.is_adapter:
        return evidence.weights.survey.stored_type
    return evidence.base.weights.survey.stored_type if evidence.base else None


def _is_put_on_quantised(evidence: Evidence, natural: Precision) -> bool:
    """Return whether the weights can be put on a checkpoint quantised so, or need not be put."""
    if evidence.subject.weight_type is WeightType.ORIGINAL:
        return True
    return evidence.is_adapter and natural in BITSANDBYTES  # as such adapters are trained


def _quantisation(config: dict[str, Any]) -> dict[str, Any]:
    """Return the checkpoint's `quantization_config`; empty when it is not quantised."""
    found = config.get("quantization_config")
    if not isinstance(found, dict) or not found:
        return {}
    return {"quant_method": None, **found}


def _natural(quantised: dict[str, Any], stored: str | None) -> Precision | None:
    """Return the precision that the checkpoint is stored in; None where no name fits."""
    if not quantised:
        return Precision(stored) if stored in FLOATS else None
    method = quantised["quant_method"]
    if method == "gptq":
        return Precision.GPTQ
    if method == "bitsandbytes":
        return Precision.INT4 if quantised.get("load_in_4bit") is True else Precision.INT8
    return None
