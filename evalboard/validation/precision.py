"""Check that the checkpoint can be evaluated in the precision asked for, and here."""

from importlib.util import find_spec
from typing import Any

from evalboard.records.report import Finding
from evalboard.records.request import Precision
from evalboard.settings import Settings
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, quoted, warning
from evalboard.validation.subject import Subject

FLOATS = (Precision.FLOAT16, Precision.BFLOAT16, Precision.FLOAT32)
BITSANDBYTES = (Precision.INT8, Precision.INT4)
FALLBACK = Precision.FLOAT16
"""Used when the checkpoint does not say what it is stored in."""


def check_installation(subject: Subject, settings: Settings) -> tuple[Finding, ...]:
    """Check that this installation can run the precision asked for, whatever the checkpoint."""
    precision = subject.precision
    library = _library(precision, settings)
    if precision in BITSANDBYTES and settings.backend != "hf":
        return (_unsupported(f"The backend {settings.backend!r} cannot run {precision}", settings),)
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
    natural = _natural(quantised, evidence.survey.stored_type)
    asked = evidence.subject.precision
    facts = {"precision": str(asked or natural or FALLBACK)}
    if quantised and natural is None:
        finding = error(
            "precision_unsupported",
            f"The checkpoint is quantised with {quoted(quantised['quant_method'])}, which none of "
            "this board's precisions stands for.",
            fix="Submit the model that it was made from.",
            where="config.json: quantization_config",
        )
    elif quantised and asked not in (None, natural):
        finding = error(
            "precision_unsupported",
            f"The checkpoint is quantised as {natural} and cannot be evaluated as {asked}.",
            fix=f"Ask for {natural}, or submit the model that it was made from.",
            where="config.json: quantization_config",
        )
    elif asked is Precision.GPTQ and not quantised:
        finding = error(
            "precision_unsupported",
            "GPTQ is asked for, and the checkpoint is not quantised with it.",
            fix="Ask for the precision that the checkpoint is stored in, or for none.",
            where="config.json: quantization_config",
        )
    elif asked is Precision.FLOAT16 and natural is Precision.BFLOAT16:
        finding = warning(
            "bfloat16_as_float16",
            "The weights are stored in bfloat16; in float16, whose range is smaller, values can "
            "overflow and scores become worthless (NaN).",
            fix="Ask for bfloat16.",
        )
    else:
        return Outcome(facts=facts)
    return Outcome((finding,), facts)


def runnable(settings: Settings) -> list[Precision]:
    """Return the precisions that this installation can run, given a checkpoint that fits."""
    quantised = [Precision.GPTQ] if settings.backend == "vllm" else [*BITSANDBYTES, Precision.GPTQ]
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
