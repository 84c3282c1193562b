"""The number of GPUs that a model needs, from its files' sizes and its config. Pure.

The key-value cache stores, for every token of a request, a key and a value per layer and key-value
head: `2 × layers × kv_heads × head_dim × bytes` (https://arxiv.org/abs/2309.06180, section 2.2,
with grouped-query attention, https://arxiv.org/abs/2305.13245). Tensor parallelism splits the heads
over the GPUs; a GPU has at least one key-value head.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from evalboard.errors import ConfigError
from evalboard.records.precision import Precision

GIB = 2**30
CACHED_TOKENS = 16_384
"""Minimum number of cached tokens, so that many short requests run together."""
OVERHEAD_BYTES = 3 * GIB // 2
"""Bytes per GPU for the CUDA context, activations of one step, and compiled graphs."""

CACHE_BYTES = 2.0
"""Minimum bytes of a number in the cache: the cache of quantised weights is not quantised."""
STORED_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8_e4m3fn": 1.0}
"""Bytes of a number in the files, by torch dtype."""


class ModelSize(NamedTuple):
    """The properties that determine a model's memory."""

    weight_bytes: int
    """Bytes of the weights in the precision of the evaluation."""
    cache_bytes: int
    """Bytes of one token, for all layers and one key-value head."""
    heads: int
    """Number of attention heads, which the number of GPUs must divide."""
    kv_heads: int
    max_length: int
    """Length of the longest request in tokens."""

    def bytes_per_gpu(self, gpus: int) -> int:
        """Return the bytes on each GPU."""
        heads = -(-self.kv_heads // gpus)
        tokens = max(self.max_length, CACHED_TOKENS)
        return self.weight_bytes // gpus + tokens * heads * self.cache_bytes + OVERHEAD_BYTES


def model_size(
    config: Mapping[str, Any], stored_bytes: int, *, precision: str, max_length: int | None
) -> ModelSize:
    """Return a model's size.

    Args:
        config: Its `config.json`. Missing numbers are not counted.
        stored_bytes: Size of its weight files.
        precision: Precision of the evaluation.
        max_length: Limit of the context in tokens, None for the model's own.
    """
    text = {**config, **(config.get("text_config") or {})}
    heads = _first(text, "num_attention_heads", "n_head", "n_heads") or 1
    width = _first(text, "hidden_size", "n_embd", "d_model") or 0
    layers = _first(text, "num_hidden_layers", "n_layer", "n_layers") or 0
    head_dim = _first(text, "head_dim") or width // heads
    cached = Precision(precision).facts.bytes_per_parameter or CACHE_BYTES
    return ModelSize(
        weight_bytes=round(stored_bytes * _shrinkage(text, precision)),
        cache_bytes=round(2 * layers * head_dim * max(cached, CACHE_BYTES)),
        heads=heads,
        kv_heads=_first(text, "num_key_value_heads", "num_kv_heads", "n_head_kv") or heads,
        max_length=max_length or _first(text, "max_position_embeddings", "n_positions") or 0,
    )


def gpus_needed(size: ModelSize, *, gpu_bytes: int, fraction: float, gpus: int) -> int:
    """Return the smallest number of GPUs that fit a model.

    Args:
        size: Of the model.
        gpu_bytes: Memory of one GPU, 0 if unknown: the result is then 1.
        fraction: Fraction of it for an engine, in (0, 1].
        gpus: Number of GPUs on one machine.

    Raises:
        ConfigError: There are too few GPUs.
    """
    number = fewest_gpus(size, gpu_bytes=gpu_bytes, fraction=fraction, gpus=gpus)
    if number is not None:
        return number
    usable = gpu_bytes * fraction
    most = max(gpu_numbers(size.heads, gpus))
    raise ConfigError(
        f"The model is too large. On {most} of {gpus} GPUs it needs "
        f"{size.bytes_per_gpu(most) / GIB:.1f} GiB on each (weights {size.weight_bytes / GIB:.1f} "
        f"GiB in total, and the cache for {max(size.max_length, CACHED_TOKENS):,} tokens), but "
        f"only {usable / GIB:.1f} GiB are usable. Choose a smaller precision, set "
        "EVALBOARD_MAX_MODEL_LENGTH, or use a cluster with larger machines (RAY_ADDRESS)."
    )


def fewest_gpus(
    size: ModelSize, *, gpu_bytes: int, fraction: float, gpus: int, fixed: int | None = None
) -> int | None:
    """Return the smallest number of GPUs that fit a model, None if there are too few.

    Args:
        size: Of the model.
        gpu_bytes: Memory of one GPU, 0 if unknown: every number is then enough.
        fraction: Fraction of it for an engine, in (0, 1].
        gpus: Number of GPUs on one machine.
        fixed: The only number to consider, None for all that divide the heads.
    """
    numbers = [fixed] if fixed else gpu_numbers(size.heads, gpus)
    usable = gpu_bytes * fraction
    return next((n for n in numbers if not gpu_bytes or size.bytes_per_gpu(n) <= usable), None)


def gpu_numbers(heads: int, gpus: int) -> Iterator[int]:
    """Yield the possible numbers of GPUs: powers of two that divide the heads."""
    number = 1
    while number <= max(1, gpus) and heads % number == 0:
        yield number
        number *= 2


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if isinstance(config.get(name), int)), None)


def _shrinkage(config: Mapping[str, Any], precision: str) -> float:
    """Return the ratio of a parameter's bytes in memory to its bytes in the files."""
    running = Precision(precision).facts.bytes_per_parameter
    stored = STORED_BYTES.get(str(config.get("dtype") or config.get("torch_dtype")))
    if not running or not stored or config.get("quantization_config"):
        return 1.0
    return running / stored
