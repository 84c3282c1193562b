"""Engines of tiny models in this process: real vLLM on the CPU, real transformers."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine.environment import environment
from tests.engine.equality.small_models import MAX_LENGTH, write_model

KV_CACHE_BYTES = 2**26
BATCH_SIZE = 16


@pytest.fixture(scope="module", autouse=True)
def library_environment() -> Iterator[None]:
    """Set what vLLM reads when it is imported."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(device="cpu", cpu_kv_cache_gib=1, offline=True).items():
            patch.setenv(name, value)
        patch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
        yield


def forget_garbage() -> None:
    """Free the models of before, and let vLLM's start not look through all else that is here.

    It collects five times, which without this is most of a tiny model's start.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """Return a function that makes a model of an architecture and a kind of tokenizer, once."""
    root = tmp_path_factory.mktemp("models")

    def make(architecture: str, tokenizer: str) -> Path:
        folder = root / f"{architecture}-{tokenizer}"
        return folder if folder.exists() else write_model(folder, architecture, tokenizer)

    return make


@pytest.fixture(scope="module")
def load_vllm() -> Iterator[Callable[..., Any]]:
    """Return a function that loads a model into vLLM; the one before it is dropped."""
    from evalboard.engine.vllm_model import VLLMModel

    loaded: list[Any] = []

    def load(folder: Path, **options: Any) -> Any:
        loaded.clear()
        forget_garbage()
        arguments: dict[str, Any] = {
            "pretrained": str(folder),
            "dtype": "float32",
            "enforce_eager": True,
            "distributed_executor_backend": "uni",
            "block_size": 32,
            "kv_cache_memory_bytes": KV_CACHE_BYTES,
            "batch_size": BATCH_SIZE,
        }
        loaded.append(VLLMModel(**(arguments | options)))
        return loaded[0]

    yield load
    loaded.clear()
    gc.collect()


@pytest.fixture(scope="session")
def load_hf() -> Callable[..., Any]:
    """Return a function that loads a model into transformers.

    Learned positions are one fewer in vLLM (`vllm_lengths`). The cache of logits of lm_eval's class
    takes a choice that ends as the context of another choice begins for the same as that one.
    """
    from evalboard.engine.hf_model import HFModel

    def load(folder: Path, max_length: int | None = None) -> Any:
        learned = folder.name.startswith("gpt2")
        return HFModel(
            pretrained=str(folder),
            dtype="float32",
            device="cpu",
            batch_size=BATCH_SIZE,
            max_length=max_length or MAX_LENGTH - learned,
            logits_cache=False,
        )

    return load
