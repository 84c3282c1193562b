"""Load a model with transformers, and refuse one that is not whole."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalboard.engine.loading.failures import some
from evalboard.errors import LoadFailed

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel


def load_pretrained(folder: Path, **arguments: Any) -> "PreTrainedModel":
    """Load a causal or a sequence-to-sequence language model, whichever its config says.

    transformers fills in what is missing with random values and says so in its log only; here that
    is an error.

    Args:
        folder: Weights and config.
        arguments: For `from_pretrained`.

    Raises:
        LoadFailed: Tensors are missing, or have another shape than the config says.
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
    """Refuse a checkpoint that lacks tensors, by their names and shapes; no weights are read.

    For vLLM, which puts several tensors into one and does not notice when one of them is missing.
    Says nothing of quantised checkpoints, nor of architectures that transformers does not know.

    Raises:
        LoadFailed: Tensors are missing, or have another shape than the config says.
    """
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    known = config.get("model_type") in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if known and not config.get("quantization_config"):
        load_pretrained(folder, device_map={"": "meta"})


def _model_class(folder: Path) -> Any:
    """Return the class that lm_eval would take."""
    from transformers import AutoConfig

    return auto_class(AutoConfig.from_pretrained(str(folder), trust_remote_code=False))


def auto_class(config: "PreTrainedConfig") -> Any:
    """Return the class that lm_eval would take for a config."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES

    if config.model_type in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES:
        return AutoModelForSeq2SeqLM
    return AutoModelForCausalLM
