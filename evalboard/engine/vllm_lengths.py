"""How many tokens vLLM's copy of a model reads, and what vLLM must be told for it.

lm_eval's class for transformers gives a model as many tokens as it has positions, and reads the
probabilities of the next. vLLM counts that next token, which it generates and never reads, as one of
them, so a limit of one more makes the two alike.
"""

from typing import Any, NamedTuple

from vllm.engine.arg_utils import EngineArgs
from vllm.transformers_utils.config import iter_rope_parameters


class Lengths(NamedTuple):
    """The limits of one model, in tokens."""

    read: int
    """Tokens that the model reads at most."""
    engine: int
    """vLLM's `max_model_len`: tokens that it reads or generates at most."""


def find_lengths(folder: str, limit: int | None) -> Lengths:
    """Return the limits of a model.

    - Positions that are rotated (RoPE) have no end. vLLM gets one more than the model reads.
    - Those of LongRoPE depend on vLLM's limit, which therefore stays as it is; so it does where
      positions are learned, or unknown.
    - Those of dynamic NTK scaling depend on the length of the prompt beyond the model's own length.
      vLLM extends that length, but neither its table of positions nor their scaling: it would read
      memory beyond the table. It gets the model's own length, which transformers has, too.

    Args:
        folder: Folder of the model.
        limit: Limit of what the model reads, None for the model's own.

    Raises:
        ValueError: The model has not that many positions.
    """
    limits: dict[str, Any] = {"max_model_len": limit}  # None is its default, whatever its type
    arguments = EngineArgs(model=folder, config_format="hf", tokenizer_mode="hf", **limits)
    config = arguments.create_model_config()
    length = config.max_model_len
    kinds = {parameters["rope_type"] for parameters in iter_rope_parameters(config.hf_text_config)}
    if not kinds or "longrope" in kinds:
        return Lengths(read=length - 1, engine=length)
    if "dynamic" in kinds:
        length = min(length, config.hf_text_config.max_position_embeddings)
    return Lengths(read=length, engine=length + 1)
