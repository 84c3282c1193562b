"""Load one model into this process, as an lm_eval model."""

import gc
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from evalboard.engine.loading.failures import loading_errors
from evalboard.errors import ConfigError
from evalboard.records.precision import Precision

if TYPE_CHECKING:
    from lm_eval.api.model import LM

HF_BATCH_SIZE = 16
SEED = 1234
# The smallest block of the prefix cache that vLLM's attention on a CPU can have, where its default
# is 128: prompts share what they have in common to 32 tokens.
CPU_ARGUMENTS = {"enforce_eager": True, "block_size": 32}


class BackendArguments(BaseModel):
    """What to load, and how much of the machine to take."""

    model_config = ConfigDict(frozen=True)

    backend: str
    """`vllm` or `hf`."""
    weights: Path
    """Folder with whole weights, config and tokenizer; see `evalboard.engine.loading.weights`."""
    adapter: Path | None = None
    """Folder of a LoRA adapter to put on the loaded weights. On the backend `hf` alone: it is for
    quantised weights, which no adapter can be merged into."""
    precision: str
    device: str
    """`cuda` or `cpu`."""
    tensor_parallel: int = 1
    gpu_memory_fraction: float = 0.9
    max_num_seqs: int | None = None
    max_length: int | None = None
    log_file: Path | None = None
    """What this process and its children write to."""


def import_backend(backend: str) -> None:
    """Import what loads models; takes 5 s for vLLM."""
    gc.disable()  # what is imported is no garbage, and looking for some takes a fifth of the time
    try:
        import_module(
            {"vllm": "evalboard.engine.vllm_model", "hf": "evalboard.engine.hf_model"}[backend]
        )
    finally:
        # vLLM collects five times while it starts, each time through half a million objects.
        gc.freeze()
        gc.enable()


def load(arguments: BackendArguments) -> "LM":
    """Load a model.

    Raises:
        ConfigError: The backend cannot run this, and the other one can.
        OutOfMemory: The device has too little memory.
        LoadFailed: The weights or the architecture; the message says which.
    """
    loaders = {"vllm": _load_vllm, "hf": _load_hf}
    settings = arguments.model_dump(mode="json", exclude={"weights", "adapter", "log_file"})
    with loading_errors(settings, log_file=arguments.log_file):
        return loaders[arguments.backend](arguments)


def _load_vllm(arguments: BackendArguments) -> "LM":
    if Precision(arguments.precision).facts.is_made_by_loading or arguments.adapter:
        raise ConfigError(
            f"The backend 'vllm' runs neither precision {arguments.precision!r} by bitsandbytes "
            "nor an adapter that is not merged. Use the backend 'hf'."
        )
    from evalboard.engine.loading.pretrained import check_whole
    from evalboard.engine.vllm_model import FastVLLM

    check_whole(arguments.weights)
    on_cpu = arguments.device == "cpu"
    return FastVLLM(
        pretrained=str(arguments.weights),
        dtype=Precision(arguments.precision).facts.dtype,
        max_model_len=arguments.max_length,
        tensor_parallel_size=arguments.tensor_parallel,
        batch_size="auto",
        seed=SEED,
        trust_remote_code=False,
        distributed_executor_backend="uni" if arguments.tensor_parallel == 1 else "mp",
        **({"max_num_seqs": arguments.max_num_seqs} if arguments.max_num_seqs else {}),
        **(CPU_ARGUMENTS if on_cpu else _gpu_arguments(arguments)),
    )


def _gpu_arguments(arguments: BackendArguments) -> dict[str, Any]:
    return {"gpu_memory_utilization": arguments.gpu_memory_fraction}


def _load_hf(arguments: BackendArguments) -> "LM":
    from evalboard.engine.hf_model import BlockwiseHFLM
    from evalboard.engine.loading.pretrained import load_pretrained

    model: Any = load_pretrained(
        arguments.weights, device_map={"": arguments.device}, **_number_format(arguments.precision)
    )
    if arguments.adapter:
        from evalboard.engine.loading.adapters import put_adapter

        model = put_adapter(model, arguments.adapter, arguments.weights, device=arguments.device)
    return BlockwiseHFLM(
        pretrained=model,
        tokenizer=str(arguments.weights),
        batch_size=arguments.max_num_seqs or HF_BATCH_SIZE,
        max_length=arguments.max_length,
    )


def _number_format(precision: str) -> dict[str, Any]:
    """Return how transformers is told a precision."""
    facts = Precision(precision).facts
    if not facts.is_made_by_loading:
        return {"dtype": facts.dtype}
    from transformers import BitsAndBytesConfig

    eight = precision == Precision.INT8
    quantisation = BitsAndBytesConfig(load_in_8bit=eight, load_in_4bit=not eight)
    return {"quantization_config": quantisation}
