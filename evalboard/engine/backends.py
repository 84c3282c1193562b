"""Load one model into this process, as an lm_eval model."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from evalboard.errors import ConfigError, EngineError, LoadFailed, OutOfMemory
from evalboard.records.request import Precision

if TYPE_CHECKING:
    from lm_eval.api.model import LM

HF_BATCH_SIZE = 16
SEED = 1234


class BackendArguments(BaseModel):
    """What to load, and how much of the machine to take."""

    model_config = ConfigDict(frozen=True)

    backend: str
    """`vllm` or `hf`."""
    weights: Path
    precision: str
    device: str
    """`cuda` or `cpu`."""
    tensor_parallel: int = 1
    gpu_memory_fraction: float = 0.9
    max_length: int | None = None


def load(arguments: BackendArguments) -> "LM":
    """Load a model.

    Raises:
        ConfigError: The backend cannot run the precision.
        OutOfMemory: The device has too little memory.
        LoadFailed: The weights or the architecture.
    """
    loaders = {"vllm": _load_vllm, "hf": _load_hf}
    try:
        return loaders[arguments.backend](arguments)
    except (ConfigError, EngineError):
        raise
    except Exception as exc:
        raise classify(exc, arguments) from exc


def classify(exc: Exception, arguments: BackendArguments) -> EngineError:
    """Return the project's error for what a backend raised while loading."""
    text = f"{type(exc).__name__}: {exc}"
    settings = arguments.model_dump(mode="json", exclude={"weights"})
    if isinstance(exc, MemoryError) or "out of memory" in text.lower():
        return OutOfMemory(
            f"Out of memory while loading: {text}. Use more GPUs for one engine, a shorter "
            "maximum length or a smaller precision.",
            settings=settings,
        )
    return LoadFailed(f"The model cannot be loaded: {text}", settings=settings)


def _load_vllm(arguments: BackendArguments) -> "LM":
    if arguments.precision in (Precision.INT8, Precision.INT4):
        raise ConfigError(
            f"Precision {arguments.precision!r} needs the backend 'hf'; vLLM has no bitsandbytes. "
            "Set EVALBOARD_BACKEND=hf."
        )
    from lm_eval.models import vllm_causallms

    make: Any = vllm_causallms.VLLM  # its decorator hides the signature
    on_cpu = arguments.device == "cpu"
    return make(
        pretrained=str(arguments.weights),
        dtype="auto" if arguments.precision == Precision.GPTQ else arguments.precision,
        max_model_len=arguments.max_length,
        tensor_parallel_size=arguments.tensor_parallel,
        batch_size="auto",
        seed=SEED,
        trust_remote_code=False,
        distributed_executor_backend="uni" if arguments.tensor_parallel == 1 else "mp",
        **({"enforce_eager": True} if on_cpu else _gpu_arguments(arguments)),
    )


def _gpu_arguments(arguments: BackendArguments) -> dict[str, Any]:
    return {"gpu_memory_utilization": arguments.gpu_memory_fraction}


def _load_hf(arguments: BackendArguments) -> "LM":
    from lm_eval.models import huggingface

    make: Any = huggingface.HFLM  # its decorator hides the signature
    common: dict[str, Any] = {
        "batch_size": HF_BATCH_SIZE,
        "max_length": arguments.max_length,
        "device": arguments.device,
    }
    if arguments.precision in (Precision.INT8, Precision.INT4):
        return make(pretrained=_quantised(arguments), tokenizer=str(arguments.weights), **common)
    dtype = "auto" if arguments.precision == Precision.GPTQ else arguments.precision
    return make(pretrained=str(arguments.weights), dtype=dtype, trust_remote_code=False, **common)


def _quantised(arguments: BackendArguments) -> Any:
    """Load with bitsandbytes, which transformers takes as a configuration object only."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    eight = arguments.precision == Precision.INT8
    return AutoModelForCausalLM.from_pretrained(
        str(arguments.weights),
        quantization_config=BitsAndBytesConfig(load_in_8bit=eight, load_in_4bit=not eight),
        device_map={"": arguments.device},
    )
