"""How vLLM executes a model, by its device and what it is asked for. Pure.

On a GPU vLLM would compile every model anew for 25 to 45 s, because its cache is kept by the path of
the weights, and then capture 51 CUDA graphs for 10 to 15 s. Log-likelihoods gain nothing by that:
their batches of thousands of tokens keep the GPU busy without it, and are larger than any graph. Only
the steps of a generation, of one token per request, wait for the processor. They get graphs, of
uncompiled code.
"""

from collections.abc import Iterable
from typing import Any

CPU_OPTIONS = {"enforce_eager": True, "block_size": 32}
"""The smallest block of the prefix cache that vLLM's attention on a CPU can have, where its default
is 128: prompts share what they have in common to 32 tokens."""
WHOLE_PROMPTS = {"enable_chunked_prefill": False}
"""Computes no part of a prompt without the rest. After a part, vLLM takes back what a request with a seed
has drawn, by the offset of its generator (vllm/v1/worker/gpu_model_runner.py), and torch's generators
of a CPU have no offset."""
MULTIMODAL = "ForConditionalGeneration"
"""End of the names of architectures with a language model beside encoders of images or sounds."""


def execution_options(
    *, device: str, generates: bool, architectures: Iterable[str], takes_parts: bool = False
) -> dict[str, Any]:
    """Return arguments of vLLM's engine.

    Args:
        device: `cuda` or `cpu`.
        generates: Whether the model is asked for text, and not only for log-likelihoods.
        architectures: Names of its architectures in its config.
        takes_parts: Whether a step has to be smaller than the longest prompt, for want of memory. On a
            CPU, texts can then only be greedy.
    """
    is_multimodal = any(name.endswith(MULTIMODAL) for name in architectures)
    language = {"language_model_only": True} if is_multimodal else {}
    if device != "cpu":
        return language | _gpu_options(generates)
    return language | CPU_OPTIONS | (WHOLE_PROMPTS if generates and not takes_parts else {})


def _gpu_options(generates: bool) -> dict[str, Any]:
    # Tuning FlashInfer's kernels takes seconds at every start, and differs between starts.
    options: dict[str, Any] = {"enable_flashinfer_autotune": False}
    if not generates:
        return options | {"enforce_eager": True}
    return options | {"compilation_config": {"mode": 0, "cudagraph_mode": "FULL_DECODE_ONLY"}}
