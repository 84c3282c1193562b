import pytest

from evalboard.engine.lengths import STARTING_LENGTH
from evalboard.engine.placing.sizing import (
    CACHED_TOKENS,
    GIB,
    OVERHEAD_BYTES,
    fewest_gpus,
    gpu_numbers,
    gpus_needed,
    model_size,
)
from evalboard.errors import ConfigError

# What memory depends on, from the `config.json` of the repositories that the comments name.
LLAMA_8B = {  # meta-llama/Llama-3.1-8B
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 131072,
    "rope_scaling": {"rope_type": "llama3", "original_max_position_embeddings": 8192},
    "torch_dtype": "bfloat16",
}
LLAMA_70B = LLAMA_8B | {  # meta-llama/Llama-3.1-70B
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "hidden_size": 8192,
}
GPT2 = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}  # openai-community/gpt2
PHI_3_MINI = {  # microsoft/Phi-3-mini-128k-instruct
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "hidden_size": 3072,
    "max_position_embeddings": 131072,
    "original_max_position_embeddings": 4096,
    "rope_scaling": {"type": "longrope"},
    "torch_dtype": "bfloat16",
}
QWEN3_32B = {  # Qwen/Qwen3-32B
    "num_hidden_layers": 64,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "hidden_size": 5120,
    "head_dim": 128,
    "max_position_embeddings": 40960,
    "torch_dtype": "bfloat16",
}
MIXTRAL = {  # mistralai/Mixtral-8x7B-v0.1
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 32768,
    "torch_dtype": "bfloat16",
}
GEMMA_3_27B = {  # google/gemma-3-27b-it
    "text_config": {
        "num_hidden_layers": 62,
        "num_attention_heads": 32,
        "num_key_value_heads": 16,
        "hidden_size": 5376,
        "head_dim": 128,
        "sliding_window": 1024,
        "max_position_embeddings": 131072,
    },
    "torch_dtype": "bfloat16",
}
DEEPSEEK_LITE = {  # deepseek-ai/DeepSeek-V2-Lite
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "num_key_value_heads": 16,
    "hidden_size": 2048,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
    "max_position_embeddings": 163840,
    "torch_dtype": "bfloat16",
}
DEEPSEEK_V3 = DEEPSEEK_LITE | {  # deepseek-ai/DeepSeek-V3
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "hidden_size": 7168,
    "quantization_config": {"quant_method": "fp8"},
}
SCOUT = {  # meta-llama/Llama-4-Scout-17B-16E
    "text_config": {
        "model_type": "llama4_text",
        "num_hidden_layers": 48,
        "num_attention_heads": 40,
        "num_key_value_heads": 8,
        "hidden_size": 5120,
        "head_dim": 128,
        "max_position_embeddings": 10485760,
    },
    "torch_dtype": "bfloat16",
}
QWEN_1M = {  # Qwen/Qwen2.5-7B-Instruct-1M
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
    "hidden_size": 3584,
    "max_position_embeddings": 1010000,
    "torch_dtype": "bfloat16",
}
FALCON = {  # tiiuae/falcon-7b
    "num_hidden_layers": 32,
    "num_attention_heads": 71,
    "num_kv_heads": 71,
    "hidden_size": 4544,
    "multi_query": True,
    "new_decoder_architecture": False,
    "torch_dtype": "bfloat16",
}
QWEN3_NEXT = {  # Qwen/Qwen3-Next-80B-A3B-Instruct
    "num_hidden_layers": 48,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "hidden_size": 2048,
    "head_dim": 256,
    "full_attention_interval": 4,
    "max_position_embeddings": 262144,
    "torch_dtype": "bfloat16",
}
BYTES_8B, BYTES_70B = 16_060_522_496, 141_107_412_992
GPU_24, GPU_80, GPU_141 = 24 * GIB, 80 * GIB, 140 * GIB


def test_cache_of_a_token_is_that_of_the_papers_formula() -> None:
    size = model_size(LLAMA_8B, BYTES_8B, precision="bfloat16", max_length=None)
    assert size.cache_bytes * size.kv_heads == 2 * 32 * 8 * 128 * 2 == 131072
    assert size.max_length == STARTING_LENGTH
    gpt2 = model_size(GPT2, 548_105_171, precision="float16", max_length=None)
    assert gpt2.cache_bytes * gpt2.kv_heads == 2 * 12 * 768 * 2
    assert (gpt2.max_length, gpt2.heads) == (1024, 12)


@pytest.mark.parametrize(
    ("config", "stored", "precision", "expected"),
    [
        ({"torch_dtype": "float32"}, 400, "float16", 200),
        ({"dtype": "bfloat16"}, 400, "bfloat16", 400),
        ({"dtype": "bfloat16"}, 400, "float32", 800),
        ({"dtype": "float16"}, 400, "4bit", 100),
        ({"dtype": "float16", "quantization_config": {"bits": 4}}, 100, "GPTQ", 100),
        ({"text_config": {"dtype": "float32"}}, 400, "float16", 200),
        ({}, 400, "float16", 400),
    ],
)
def test_weights_are_counted_in_the_precision_that_they_run_in(
    config: dict, stored: int, precision: str, expected: int
) -> None:
    size = model_size(config, stored, precision=precision, max_length=None)
    assert size.weight_bytes == expected


@pytest.mark.parametrize(
    ("config", "weights", "cache_kib", "on_24", "on_80", "on_141"),
    [
        # Bytes of the files; KiB of one token on one GPU. With a cache for 16,384 tokens.
        pytest.param(LLAMA_8B, 16.06e9, 128, 1, 1, 1, id="Llama-3.1-8B"),
        pytest.param(PHI_3_MINI, 7.64e9, 384, 1, 1, 1, id="Phi-3-mini-128k"),
        pytest.param(QWEN3_32B, 65.5e9, 256, 4, 1, 1, id="Qwen3-32B"),
        pytest.param(MIXTRAL, 93.4e9, 128, 8, 2, 1, id="Mixtral-8x7B"),
        pytest.param(GEMMA_3_27B, 54.9e9, 496, 4, 1, 1, id="Gemma-3-27B"),
        pytest.param(DEEPSEEK_LITE, 31.4e9, 30.4, 2, 1, 1, id="DeepSeek-V2-Lite"),
        # 641 GiB of weights are 80.1 GiB on each of eight: too much for 80 GB, cache or not.
        pytest.param(DEEPSEEK_V3, 688.6e9, 68.6, None, None, 8, id="DeepSeek-V3"),
        pytest.param(SCOUT, 217.3e9, 192, None, 4, 2, id="Llama-4-Scout"),
        pytest.param(QWEN_1M, 15.23e9, 56, 1, 1, 1, id="Qwen2.5-7B-1M"),
        pytest.param(FALCON, 14.43e9, 8, 1, 1, 1, id="Falcon-7B"),
        pytest.param(QWEN3_NEXT, 162.7e9, 24, 8, 4, 2, id="Qwen3-Next-80B"),
    ],
)
def test_known_models_get_as_few_gpus_as_hold_them(
    config: dict,
    weights: float,
    cache_kib: float,
    on_24: int | None,
    on_80: int | None,
    on_141: int | None,
) -> None:
    precision = "prequantised" if "quantization_config" in config else "bfloat16"
    size = model_size(config, round(weights), precision=precision, max_length=None)
    assert size.cache_bytes * size.kv_heads / 1024 == pytest.approx(cache_kib, abs=0.1)
    needed = [
        fewest_gpus(size, gpu_bytes=gpu, fraction=0.9, gpus=8) for gpu in (GPU_24, GPU_80, GPU_141)
    ]
    assert needed == [on_24, on_80, on_141]


@pytest.mark.parametrize(
    ("config", "stored", "gpu_bytes", "expected"),
    [
        (LLAMA_70B, BYTES_70B, GPU_80, 2),
        (LLAMA_70B, BYTES_70B, GPU_24, 8),
        (GPT2, 548_105_171, GPU_24, 1),
        (LLAMA_70B, BYTES_70B, 0, 1),
    ],
)
def test_as_few_gpus_as_hold_the_model(
    config: dict, stored: int, gpu_bytes: int, expected: int
) -> None:
    size = model_size(config, stored, precision="bfloat16", max_length=None)
    assert gpus_needed(size, gpu_bytes=gpu_bytes, fraction=0.9, gpus=8) == expected


@pytest.mark.parametrize(
    ("facts", "layers"),
    [
        ({}, 12),
        ({"layer_types": ["full_attention", "sliding_attention"] * 6}, 12),
        ({"layer_types": ["full_attention", "linear_attention", "conv"] * 4}, 4),
        ({"layers_block_type": ["mamba"] * 10 + ["attention"] * 2}, 2),
        ({"hybrid_override_pattern": "M-M*M-M-M*M-"}, 2),
        ({"full_attention_interval": 4}, 3),
        ({"attn_layer_period": 8, "attn_layer_offset": 4}, 1),
    ],
)
def test_only_layers_that_attend_have_a_cache(facts: dict, layers: int) -> None:
    config = {"num_hidden_layers": 12, "num_attention_heads": 1, "hidden_size": 8} | facts
    size = model_size(config, 0, precision="bfloat16", max_length=None)
    assert size.cache_bytes == 2 * layers * 8 * 2


def test_latent_attention_is_the_same_on_every_gpu() -> None:
    size = model_size(DEEPSEEK_V3, 0, precision="prequantised", max_length=None)
    assert size.bytes_per_gpu(1) == size.bytes_per_gpu(8)


def test_the_cache_holds_a_request_of_a_model_that_keeps_its_length() -> None:
    long = LLAMA_8B | {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}
    for limit, tokens in ((None, 131072), (65536, 65536), (4096, CACHED_TOKENS)):
        size = model_size(long, 0, precision="bfloat16", max_length=limit)
        assert size.cached_tokens == tokens
    assert model_size(PHI_3_MINI, 0, precision="bfloat16", max_length=None).max_length == 4096


def test_large_gpus_compute_more_at_a_time() -> None:
    size = model_size(LLAMA_8B, 0, precision="bfloat16", max_length=None)
    more = size.bytes_per_gpu(1, gpu_bytes=GPU_80) - size.bytes_per_gpu(1, gpu_bytes=GPU_24)
    assert more == 2 * GIB


def test_what_fits_nowhere_is_refused_with_numbers() -> None:
    size = model_size(LLAMA_70B, BYTES_70B, precision="bfloat16", max_length=4096)
    with pytest.raises(ConfigError, match=r"On 2 of 3 GPUs .* 131\.4 GiB .* 21\.6 GiB are usable"):
        gpus_needed(size, gpu_bytes=GPU_24, fraction=0.9, gpus=3)


def test_a_gpu_holds_at_least_one_key_value_head() -> None:
    size = model_size(LLAMA_8B, 0, precision="bfloat16", max_length=CACHED_TOKENS)
    one_head = CACHED_TOKENS * size.cache_bytes + OVERHEAD_BYTES
    assert size.bytes_per_gpu(8) == size.bytes_per_gpu(16) == one_head


def test_numbers_of_gpus_divide_the_heads() -> None:
    assert list(gpu_numbers(12, 8)) == [1, 2, 4]
    assert list(gpu_numbers(7, 8)) == [1]
    assert list(gpu_numbers(64, 6)) == [1, 2, 4]
    assert list(gpu_numbers(64, 0)) == [1]
