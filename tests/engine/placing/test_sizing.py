import pytest

from evalboard.engine.placing.sizing import (
    CACHED_TOKENS,
    GIB,
    OVERHEAD_BYTES,
    gpu_numbers,
    gpus_needed,
    model_size,
)
from evalboard.errors import ConfigError

# The published configurations, shortened to what memory depends on.
LLAMA_8B = {
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "hidden_size": 4096,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
LLAMA_70B = LLAMA_8B | {
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "hidden_size": 8192,
}
GPT2 = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024}
BYTES_8B, BYTES_70B = 16_060_522_496, 141_107_412_992
GPU_24, GPU_80 = 24 * GIB, 80 * GIB


def test_cache_of_a_token_is_that_of_the_papers_formula() -> None:
    size = model_size(LLAMA_8B, BYTES_8B, precision="bfloat16", max_length=None)
    assert size.cache_bytes * size.kv_heads == 2 * 32 * 8 * 128 * 2 == 131072
    assert size.max_length == 131072
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
    ("config", "stored", "gpu_bytes", "max_length", "expected"),
    [
        (LLAMA_8B, BYTES_8B, GPU_80, None, 1),
        (LLAMA_8B, BYTES_8B, GPU_24, None, 2),
        (LLAMA_8B, BYTES_8B, GPU_24, 4096, 1),
        (LLAMA_70B, BYTES_70B, GPU_80, None, 4),
        (LLAMA_70B, BYTES_70B, GPU_80, 4096, 2),
        (LLAMA_70B, BYTES_70B, GPU_24, 4096, 8),
        (GPT2, 548_105_171, GPU_24, None, 1),
        (LLAMA_70B, BYTES_70B, 0, None, 1),
    ],
)
def test_as_few_gpus_as_hold_the_model(
    config: dict, stored: int, gpu_bytes: int, max_length: int | None, expected: int
) -> None:
    size = model_size(config, stored, precision="bfloat16", max_length=max_length)
    assert gpus_needed(size, gpu_bytes=gpu_bytes, fraction=0.9, gpus=8) == expected


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
