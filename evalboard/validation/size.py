"""Check that the model fits on the GPUs of this installation, and on how many."""

from collections.abc import Mapping
from typing import Any

from evalboard.engine.placing import capacity
from evalboard.records.precision import PLAIN_PRECISIONS, Precision
from evalboard.validation.evidence import Evidence
from evalboard.validation.findings import Outcome, error, info, warning
from evalboard.validation.precision import FALLBACK
from evalboard.validation.quantisation import read_quantisation
from evalboard.validation.tensors import Survey

GIB = 2**30
LARGEST_NUMBER = 2**31
"""Limit of any number for a model's size in a config."""
OTHER_FACTS = {
    "multi_query": bool,
    "new_decoder_architecture": bool,
    "layer_types": list,
    "layers_block_type": list,
    "hybrid_override_pattern": str,
    "rope_scaling": dict,
    "rope_parameters": dict,
}
"""What else counts in a config, with its type."""


def check(evidence: Evidence) -> Outcome:
    """Compare weights and key-value cache with the memory of the GPUs, or of this machine."""
    survey = evidence.weights.survey
    if evidence.is_adapter:
        survey = evidence.base.weights.survey if evidence.base else Survey()
    if not survey.tensors:
        return Outcome()
    if not evidence.has_libraries:
        text = "The queue's worker will check whether the model fits on its GPUs."
        return Outcome((info("checked_by_poll", text),))
    need = capacity.memory_needed(
        _numbers(evidence.config.content) | {"dtype": survey.stored_type},
        survey.stored_bytes,
        precision=_precision(evidence, survey),
        settings=evidence.settings,
    )
    facts = {
        "weights_gib": round(need.weight_bytes / GIB, 3),
        "kv_cache_gib": round(need.cache_bytes / GIB, 3),
        "tensor_parallel": need.tensor_parallel,
    }
    return Outcome(_findings(need), facts)


def _findings(need: "capacity.MemoryNeeded") -> tuple[Any, ...]:
    sizes = (
        f"its weights need {need.weight_bytes / GIB:.1f} GiB in {need.precision} and its cache "
        f"needs {need.cache_bytes / GIB:.1f} GiB for {need.cached_tokens:,} tokens"
    )
    if not need.gpus:
        if need.weight_bytes + need.cache_bytes <= need.machine_bytes:
            return ()
        return (
            warning(
                "larger_than_memory",
                "The model does not fit into this machine's memory of "
                f"{need.machine_bytes / GIB:.1f} GiB, and there is no GPU: {sizes}.",
                fix="Use a machine with GPUs, or submit a smaller model.",
                where="model size",
            ),
        )
    room = f"{need.gpus} GPUs with {need.usable_bytes / GIB:.1f} usable GiB each"
    if need.tensor_parallel is None:
        return (
            error(
                "too_large",
                f"The model does not fit on this board's machines ({room}): {sizes}. On "
                f"{need.most_gpus} GPUs it would need {need.bytes_per_gpu / GIB:.1f} GiB on each.",
                fix="Choose 8bit or 4bit, or submit a smaller model.",
                where="model size",
            ),
        )
    text = f"The model fits with tensor-parallel size {need.tensor_parallel} ({room}): {sizes}."
    return (info("fits", text, where="model size"),)


def _precision(evidence: Evidence, survey: Survey) -> str:
    if evidence.subject.precision:
        return evidence.subject.precision
    if read_quantisation(evidence.config.content):
        return Precision.PREQUANTISED
    stored = survey.stored_type or ""
    return stored if stored in PLAIN_PRECISIONS else FALLBACK


def _numbers(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config says about the model's size. Its text model takes precedence.

    Values from strangers can have any type and size. Only plausible ones are kept.
    """
    text = config.get("text_config")
    both = {**config, **(text if isinstance(text, dict) else {})}
    found: dict[str, Any] = {
        key: value
        for key, value in both.items()
        if type(value) is int and 0 < value < LARGEST_NUMBER
    }
    found |= {
        key: both[key] for key, kind in OTHER_FACTS.items() if isinstance(both.get(key), kind)
    }
    if read_quantisation(config):
        found["quantization_config"] = {"quant_method": "stored"}
    return found
