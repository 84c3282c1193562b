"""Check that an adapter is a LoRA that fits its base model."""

from collections.abc import Iterator
from typing import Any

from evalboard.records.report import Finding
from evalboard.repositories.selection import ADAPTER_CONFIG
from evalboard.validation.documents import read_document
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, quoted, warning

TARGETS = ("target_modules", "target_parameters")
MAX_RANK = 2**16
REFUSED = ("megatron_config", "layer_replication")
"""Keys that make peft import another library or build another architecture."""


def check(evidence: Evidence) -> Outcome:
    """Check `adapter_config.json`."""
    if not evidence.is_adapter:
        return Outcome()
    document = read_document(evidence.folder / ADAPTER_CONFIG)
    if document.is_pointer:
        return Outcome()  # said by the check for pointers
    if document.problem:
        finding = error(
            "bad_adapter_config",
            f"{ADAPTER_CONFIG} cannot be read: {document.problem}.",
            fix="Upload the file again.",
            where=ADAPTER_CONFIG,
        )
        return Outcome((finding,))
    if not document.exists:
        return Outcome()  # said by the check of the weight type
    config = document.content
    findings = (*_kind(config), *_lora(config), *_base(config, evidence))
    return Outcome(findings, {"adapter_rank": config["r"]} if _is_rank(config.get("r")) else {})


def _kind(config: dict[str, Any]) -> Iterator[Finding]:
    """Yield findings if it is not a LoRA for a language model."""
    if config.get("peft_type") != "LORA":
        yield error(
            "adapter_type_unsupported",
            f"The adapter's type is {quoted(config.get('peft_type'))}. Only LORA adapters can be "
            "evaluated.",
            fix="Merge the adapter into its base model and submit the result as Original.",
            where=f"{ADAPTER_CONFIG}: peft_type",
        )
    if config.get("task_type") not in (None, "CAUSAL_LM"):
        yield error(
            "adapter_type_unsupported",
            f"The adapter was trained for the task {quoted(config['task_type'])}, not for causal "
            "language modelling.",
            fix="Submit an adapter with the task type CAUSAL_LM.",
            where=f"{ADAPTER_CONFIG}: task_type",
        )
    for key in REFUSED:
        if config.get(key):
            yield error(
                "adapter_type_unsupported",
                f"The adapter uses {key}. Adapters with this option cannot be evaluated.",
                fix="Merge the adapter into its base model and submit the result as Original.",
                where=f"{ADAPTER_CONFIG}: {key}",
            )


def _lora(config: dict[str, Any]) -> Iterator[Finding]:
    if not _is_rank(config.get("r")):
        yield error(
            "bad_adapter_config",
            f"The adapter's rank is {quoted(config.get('r'))}. It must be a whole number from 1 to "
            f"{MAX_RANK:,}.",
            fix="Save the adapter with peft's `save_pretrained`.",
            where=f"{ADAPTER_CONFIG}: r",
        )
    if not any(_are_targets(config.get(key)) for key in TARGETS):
        yield error(
            "bad_adapter_config",
            "The adapter does not name its target modules.",
            fix="Save the adapter with peft's `save_pretrained`.",
            where=f"{ADAPTER_CONFIG}: target_modules",
        )


def _base(config: dict[str, Any], evidence: Evidence) -> Iterator[Finding]:
    said, asked = config.get("base_model_name_or_path"), evidence.subject.base_model
    name = evidence.base.repository.model if evidence.base else asked
    if isinstance(said, str) and said and said not in (asked, name):
        yield warning(
            "other_base_model",
            f"The adapter's config names the base model {quoted(said)}, but the submission names "
            f"{quoted(name)}.",
            fix="Submit the adapter with the base model of its training, unless both names mean "
            "the same model.",
            where=f"{ADAPTER_CONFIG}: base_model_name_or_path",
        )


def _is_rank(value: Any) -> bool:
    return type(value) is int and 0 < value <= MAX_RANK


def _are_targets(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(name, str) for name in value)
    return isinstance(value, str) and bool(value)
