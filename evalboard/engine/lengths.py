"""The maximum length of an engine's requests, from a model's config. Pure.

A model's own length can be hundreds of times that of a suite's longest request, and vLLM loads no
model whose key-value cache does not hold one request of full length. An engine therefore begins
with `STARTING_LENGTH`, or with the model's own length if that is shorter. A request that is longer
is never cut: it fails with `OutOfMemory`, whose `Shortage` is the length, and the next engine has
the length of the suite's longest request.

Measuring that beforehand would mean building all requests twice. With two cores it takes 9 s for
the nine medical benchmarks and 38 s for 25-shot ARC alone.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

STARTING_LENGTH = 8_192
"""Initial maximum length in tokens, longer than the requests of all shipped suites."""
UNLIMITED_LENGTH = 1_000_000_000
"""Longer in tokens than any model: the model's own length is then the limit."""
SHORTEST_LENGTH = 2_048
"""Minimum length in tokens: below it nothing is saved."""
LENGTH_STEP = 1_024
"""Measured lengths are multiples of this, in tokens, so that like models share one."""

LENGTH_KEYS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
"""Names of a model's own length: vllm/transformers_utils/model_arch_config_convertor.py, and
lm_eval/models/utils.py."""
LONG_ROPES = frozenset({"longrope", "su"})
"""Rotary embeddings with two sets of factors, of which the longest request of a batch decides."""
SCALING_ROPES = LONG_ROPES | {"dynamic"}
"""Rotary embeddings whose positions depend on the maximum length: LongRoPE has two sets of factors
(vllm/model_executor/layers/rotary_embedding/phi3_long_rope_scaled_rope.py), dynamic NTK a base that
grows (transformers/modeling_rope_utils.py)."""
TEMPERED_TYPES = frozenset({"llama4", "llama4_text"})
"""Models whose attention vLLM tempers only if the maximum length exceeds 32,768 tokens. The factor is
1 up to position 8,192 (vllm/model_executor/models/llama4.py)."""
TEMPERED_BEYOND, TEMPERED_LENGTH = 8_192, 33_792


class RequestLimit(NamedTuple):
    """The maximum length to load a model with."""

    tokens: int | None
    """Length in tokens, None for the model's own."""
    may_cut: bool
    """Whether longer requests are truncated, because the length is the model's or the operator's."""


def request_limit(
    config: Mapping[str, Any], *, tokens: int | None, allowed: int | None
) -> RequestLimit:
    """Return the maximum length to load a model with.

    Args:
        config: Its `config.json`.
        tokens: Length in tokens that is enough as far as known, None for no limit.
        allowed: The operator's limit in tokens, None for none.
    """
    own = own_length(config)
    if tokens is None or own is None or scales_with_length(config):
        return RequestLimit(allowed, may_cut=True)
    if text_values(config).get("model_type") in TEMPERED_TYPES and tokens > TEMPERED_BEYOND:
        tokens = max(tokens, TEMPERED_LENGTH)
    if tokens >= min(own, allowed or own):
        return RequestLimit(allowed, may_cut=True)
    return RequestLimit(tokens, may_cut=False)


def loaded_length(config: Mapping[str, Any], *, allowed: int | None) -> int:
    """Return the maximum length that an engine begins with in tokens, 0 if nothing is known.

    Args:
        config: The model's `config.json`.
        allowed: The operator's limit in tokens, None for none.
    """
    own = own_length(config) or 0
    if not scales_with_length(config):
        own = min(own, STARTING_LENGTH)
    elif type(original := text_values(config).get("original_max_position_embeddings")) is int:
        own = original  # of the two lengths of LongRoPE vLLM takes the shorter
    return min(own, allowed or own)


def context_length(config: Mapping[str, Any], *, allowed: int | None) -> int | None:
    """Return the number of tokens that every backend lets a model read, None if it is not known.

    Args:
        config: The model's `config.json`.
        allowed: The operator's limit in tokens, None for none.
    """
    original = text_values(config).get("original_max_position_embeddings")
    is_shorter = scales_with_length(config) and type(original) is int
    limits = (original if is_shorter else own_length(config), allowed)
    return min((limit for limit in limits if limit is not None), default=None)


def starting_length(answer_tokens: int) -> int | None:
    """Return the maximum length that an engine begins with, None for `STARTING_LENGTH`.

    Args:
        answer_tokens: Tokens of an answer at most, 0 where models write none that long.
    """
    return STARTING_LENGTH + answer_tokens if answer_tokens else None


def rounded_length(tokens: int) -> int:
    """Return the maximum length for requests of at most so many tokens."""
    return max(SHORTEST_LENGTH, math.ceil(tokens / LENGTH_STEP) * LENGTH_STEP)


def own_length(config: Mapping[str, Any]) -> int | None:
    """Return a lower bound of a model's own length in tokens, None if it names none.

    A tokenizer's `model_max_length` does not count: vLLM does not read it for models of text.

    Args:
        config: Its `config.json`.
    """
    text = text_values(config)
    named = [text.get(key) for key in LENGTH_KEYS]
    return min((value for value in named if type(value) is int and value > 0), default=None)


def scales_with_length(config: Mapping[str, Any]) -> bool:
    """Return whether a model's positions depend on the maximum length of its loading."""
    return not SCALING_ROPES.isdisjoint(rope_types(config))


def text_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in which the values of its text model take precedence."""
    return {**config, **(config.get("text_config") or {})}


def rope_types(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the types of the rotary embeddings, which can differ between kinds of layers."""
    text = text_values(config)
    for name in ("rope_scaling", "rope_parameters"):
        found = text.get(name)
        if not isinstance(found, Mapping):
            continue
        for one in (found, *(part for part in found.values() if isinstance(part, Mapping))):
            yield from (str(one[key]) for key in ("rope_type", "type") if key in one)
