"""Check what an adapter or a delta needs beside itself."""

from evalboard.records.report import Finding
from evalboard.records.request import WeightType
from evalboard.repositories.names import is_board_name
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, quoted, warning
from evalboard.validation.subject import Subject
from evalboard.validation.tensors import ADAPTER_FILE

ADAPTER_CONFIG = "adapter_config.json"


def check_subject(subject: Subject) -> tuple[Finding, ...]:
    """Check that the base model is named, and that this version evaluates the weight type."""
    if subject.weight_type is WeightType.ORIGINAL:
        return _original(subject)
    unsupported = error(
        "weight_type_unsupported",
        f"Weights of type {subject.weight_type} are not evaluated by this version.",
        fix="Merge them into the base model and submit the result as Original.",
    )
    if is_board_name(subject.base_model):
        return (unsupported,)
    code = "invalid_base_model" if subject.base_model else "no_base_model"
    return (
        error(
            code,
            f"Weights of type {subject.weight_type} need their base model, and it is given as "
            f"{quoted(subject.base_model)}.",
            fix="Name the base model as `org/name`.",
        ),
        unsupported,
    )


def check(evidence: Evidence) -> Outcome:
    """Check that the repository holds the weight type that it was submitted as."""
    files = evidence.repository.files()
    adapter = evidence.subject.weight_type is WeightType.ADAPTER
    if adapter and (missing := [n for n in (ADAPTER_CONFIG, ADAPTER_FILE) if n not in files]):
        finding = error(
            "no_adapter",
            f"The repository is no adapter: it has no {' and no '.join(missing)}.",
            fix="Save the adapter with peft's `save_pretrained`, or submit as Original.",
            where=missing[0],
        )
        return Outcome((finding,))
    if not adapter and ADAPTER_CONFIG in files and "config.json" not in files:
        finding = error(
            "is_adapter",
            f"The repository holds an adapter, submitted as {evidence.subject.weight_type}.",
            fix="Submit it as Adapter, with its base model.",
            where=ADAPTER_CONFIG,
        )
        return Outcome((finding,))
    return Outcome()


def _original(subject: Subject) -> tuple[Finding, ...]:
    if not subject.base_model or is_board_name(subject.base_model):
        return ()
    finding = warning(
        "invalid_base_model",
        f"The base model {quoted(subject.base_model)} is not the name of a model.",
        fix="Name it as `org/name`, or leave it out.",
    )
    return (finding,)
