"""Load a model with transformers, and refuse an incomplete one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalboard.engine.loading.failures import some
from evalboard.errors import LoadFailed

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def load_pretrained(folder: Path, **arguments: Any) -> "PreTrainedModel":
    """Load a causal or a sequence-to-sequence language model, depending on its config.

    transformers fills missing tensors with random values and only logs it. Here it is an error.

    Args:
        folder: Weights and config.
        arguments: For `from_pretrained`.

    Raises:
        LoadFailed: Tensors are missing, or their shape does not match the config.
    """
    model, info = _model_class(folder).from_pretrained(
        str(folder),
        trust_remote_code=False,
        output_loading_info=True,
        ignore_mismatched_sizes=True,  # they are told below, by name
        **arguments,
    )
    for name, stored, wanted in sorted(info["mismatched_keys"]):
        raise LoadFailed(
            f"Bad weights: tensor {name!r} has the shape {tuple(stored)}, but the config requires "
            f"{tuple(wanted)}. Save the model with `save_pretrained` and upload all files that it "
            "writes."
        )
    if missing := sorted(info["missing_keys"]):
        raise LoadFailed(
            f"Bad weights: missing from the checkpoint: {some(missing)}. Save the model with "
            "`save_pretrained` and upload all files that it writes."
        )
    return model


def check_whole(folder: Path) -> None:
    """Refuse a checkpoint with missing tensors, by names and shapes. No weights are read.

    vLLM needs this: it fuses tensors and does not notice a missing one. Quantised checkpoints and
    architectures unknown to transformers are not checked.

    Raises:
        LoadFailed: Tensors are missing, or their shape does not match the config.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    known = config.get("model_type") in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if known and not config.get("quantization_config"):
        load_pretrained(folder, device_map={"": "meta"})


def _model_class(folder: Path) -> Any:
    """Return the class that lm_eval would use."""
    from transformers import AutoConfig

    return auto_class(AutoConfig.from_pretrained(str(folder), trust_remote_code=False))


def auto_class(config: "PreTrainedConfig") -> Any:
    """Return the class that lm_eval would use for a config."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

    if config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return AutoModelForSeq2SeqLM
    return AutoModelForCausalLM
