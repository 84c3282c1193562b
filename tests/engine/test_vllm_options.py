"""The arguments that vLLM gets. What they do on a GPU is not tested here."""

from dataclasses import fields

import pytest

from evalboard.engine.vllm_options import execution_options

GRAPHS = {"compilation_config": {"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}}


@pytest.mark.parametrize("generates", [False, True])
def test_nothing_is_compiled_on_a_cpu(generates: bool) -> None:
    options = execution_options(device="cpu", generates=generates, architectures=())
    assert options.items() >= {"enforce_eager": True, "block_size": 32}.items()


@pytest.mark.parametrize(
    ("generates", "takes_parts", "expected"),
    [(True, False, False), (True, True, None), (False, False, None)],
)
def test_a_cpu_computes_whole_prompts_where_texts_can_be_sampled(
    generates: bool, takes_parts: bool, expected: bool | None
) -> None:
    options = execution_options(
        device="cpu", generates=generates, architectures=(), takes_parts=takes_parts
    )
    assert options.get("enable_chunked_prefill") is expected


def test_a_gpu_captures_graphs_only_for_text() -> None:
    common = {"enable_flashinfer_autotune": False}
    assert execution_options(device="cuda", generates=False, architectures=()) == (
        common | {"enforce_eager": True}
    )
    assert execution_options(device="cuda", generates=True, architectures=()) == common | GRAPHS


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [
        ("Gemma3ForConditionalGeneration", True),
        ("Qwen2_5_VLForConditionalGeneration", True),
        ("Gemma3ForCausalLM", None),
        ("LlamaForCausalLM", None),
    ],
)
@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_encoders_of_images_are_left_out(
    device: str, architecture: str, expected: bool | None
) -> None:
    options = execution_options(device=device, generates=False, architectures=[architecture])
    assert options.get("language_model_only") is expected


def test_vllm_has_these_arguments() -> None:
    from vllm.config import CompilationConfig, CUDAGraphMode
    from vllm.engine.arg_utils import EngineArgs

    known = {field.name for field in fields(EngineArgs)}
    for device in ("cpu", "cuda"):
        for generates in (False, True):
            options = execution_options(
                device=device,
                generates=generates,
                architectures=["Gemma3ForConditionalGeneration"],
            )
            assert options.keys() <= known
    graphs = CompilationConfig(**GRAPHS["compilation_config"])
    assert graphs.cudagraph_mode is CUDAGraphMode.FULL_DECODE_ONLY
