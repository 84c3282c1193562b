"""The number of GPUs that a model needs, from its files' sizes and its config. Pure.

The key-value cache stores, for every token of a request, a key and a value per layer and key-value
head: `2 × layers × kv_heads × head_dim × bytes` (https://arxiv.org/abs/2309.06180, section 2.2,
with grouped-query attention, https://arxiv.org/abs/2305.13245). Tensor parallelism splits the heads
over the GPUs; a GPU has at least one key-value head. Other layers need less:

- Latent attention stores one vector per token, `kv_lora_rank + qk_rope_head_dim` numbers for all
  heads, on every GPU (https://arxiv.org/abs/2405.04434, section 2.1).
- Layers with a state instead of a cache (Mamba, linear attention, convolutions) do not count: a
  state has the size of a few tokens.
- Layers with a sliding window count in full: vLLM reserves the window and all tokens of the steps in
  flight (`SlidingWindowSpec` in vllm/v1/kv_cache_interface.py), which is more than `CACHED_TOKENS`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from evalboard.engine.lengths import loaded_length, text_values
from evalboard.errors import ConfigError
from evalboard.records.precision import Precision

GIB = 2**30
CACHED_TOKENS = 16_384
"""Minimum number of cached tokens, so that many short requests run together: about a hundred prompts
with an example each, or eight of 2,000 tokens. With fewer a GPU waits for its memory."""
OVERHEAD_BYTES = 3 * GIB // 2
"""Bytes per GPU for the CUDA context and the activations of one step of 8,192 tokens."""
LARGE_GPU_BYTES = 70 * GIB
"""From here vLLM computes 16,384 tokens and 1,024 requests at a time (vllm/engine/arg_utils.py)."""
LARGE_OVERHEAD_BYTES = 7 * GIB // 2
"""Bytes per GPU for the same on such GPUs."""

CACHE_BYTES = 2.0
"""Minimum bytes of a number in the cache: the cache of quantised weights is not quantised."""
STORED_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8_e4m3fn": 1.0}
"""Bytes of a number in the files, by torch dtype."""
CACHELESS_LAYERS = frozenset({"linear_attention", "conv", "mamba", "recurrent", "mlp", "moe"})
"""Names of layers without a key-value cache, in `layer_types` or `layers_block_type` of a config."""


class ModelSize(NamedTuple):
    """The properties that determine a model's memory."""

    weight_bytes: int
    """Bytes of the weights in the precision of the evaluation."""
    cache_bytes: int
    """Bytes of one token, for all layers and one key-value head."""
    heads: int
    """Number of attention heads, which the number of GPUs must divide."""
    kv_heads: int
    """Number of key-value heads, 1 for latent attention."""
    max_length: int
    """Maximum length of a request in tokens."""

    @property
    def cached_tokens(self) -> int:
        """Number of tokens for which the cache must have room."""
        return max(self.max_length, CACHED_TOKENS)

    def bytes_per_gpu(self, gpus: int, *, gpu_bytes: int = 0) -> int:
        """Return the bytes on each GPU.

        Args:
            gpus: Number of GPUs.
            gpu_bytes: Memory of each, 0 if unknown.
        """
        heads = -(-self.kv_heads // gpus)
        overhead = LARGE_OVERHEAD_BYTES if gpu_bytes >= LARGE_GPU_BYTES else OVERHEAD_BYTES
        return self.weight_bytes // gpus + self.cached_tokens * heads * self.cache_bytes + overhead


def model_size(
    config: Mapping[str, Any], stored_bytes: int, *, precision: str, max_length: int | None
) -> ModelSize:
    """Return a model's size.

    Args:
        config: Its `config.json`. Missing numbers are not counted.
        stored_bytes: Size of its weight files.
        precision: Precision of the evaluation.
        max_length: The operator's limit of the context in tokens, None for none.
    """
    text = text_values(config)
    heads = _first(text, "num_attention_heads", "n_head", "n_heads") or 1
    cached = max(Precision(precision).facts.bytes_per_parameter or CACHE_BYTES, CACHE_BYTES)
    latent = _first(text, "kv_lora_rank")
    numbers = (
        latent + (_first(text, "qk_rope_head_dim") or 0)
        if latent
        else 2 * (_first(text, "head_dim") or _width(text) // heads)
    )
    return ModelSize(
        weight_bytes=round(stored_bytes * _shrinkage(text, precision)),
        cache_bytes=round(_attending_layers(text) * numbers * cached),
        heads=heads,
        kv_heads=1 if latent else _kv_heads(text, heads),
        max_length=loaded_length(config, allowed=max_length),
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
        f"{size.bytes_per_gpu(most, gpu_bytes=gpu_bytes) / GIB:.1f} GiB on each (weights "
        f"{size.weight_bytes / GIB:.1f} GiB in total, and the cache for {size.cached_tokens:,} tokens), but "
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
    fits = (
        n for n in numbers if not gpu_bytes or size.bytes_per_gpu(n, gpu_bytes=gpu_bytes) <= usable
    )
    return next(fits, None)


def gpu_numbers(heads: int, gpus: int) -> Iterator[int]:
    """Yield the possible numbers of GPUs: powers of two that divide the heads."""
    number = 1
    while number <= max(1, gpus) and heads % number == 0:
        yield number
        number *= 2


def _width(config: Mapping[str, Any]) -> int:
    return _first(config, "hidden_size", "n_embd", "d_model") or 0


def _kv_heads(config: Mapping[str, Any], heads: int) -> int:
    # Falcon's first architecture and GPTBigCode have one for all, whatever else they name.
    if config.get("multi_query") is True and not config.get("new_decoder_architecture"):
        return 1
    return _first(config, "num_key_value_heads", "num_kv_heads", "n_head_kv") or heads


def _attending_layers(config: Mapping[str, Any]) -> int:
    """Return the number of layers with a key-value cache."""
    layers = _first(config, "num_hidden_layers", "n_layer", "n_layers") or 0
    kinds = config.get("layer_types") or config.get("layers_block_type")
    if isinstance(kinds, list):
        return sum(str(kind) not in CACHELESS_LAYERS for kind in kinds)
    if isinstance(pattern := config.get("hybrid_override_pattern"), str):  # Nemotron-H
        return pattern.count("*")
    if interval := _first(config, "full_attention_interval"):  # Qwen3-Next
        return layers // interval
    if period := _first(config, "attn_layer_period"):  # Jamba
        return -(-(layers - (_first(config, "attn_layer_offset") or 0)) // period)
    return layers


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    """Return the first number that a config names. Zero counts as none."""
    return next((config[name] for name in names if type(config.get(name)) is int), None)


def _shrinkage(config: Mapping[str, Any], precision: str) -> float:
    """Return the ratio of a parameter's bytes in memory to its bytes in the files."""
    running = Precision(precision).facts.bytes_per_parameter
    stored = STORED_BYTES.get(str(config.get("dtype") or config.get("torch_dtype")))
    if not running or not stored or config.get("quantization_config"):
        return 1.0
    return running / stored
