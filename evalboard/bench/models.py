"""The models that are measured: Llamas of random weights, with a tokenizer trained on the spot.

The duration of an evaluation does not depend on the values of the weights.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from evalboard.demo.tokenizer import train_tokenizer

VOCABULARY = 10_000
SEED = 1

CARD = """---
license: apache-2.0
---
# A model of random weights

Made by `evalboard bench` to measure how long an evaluation takes. Its weights are random numbers, so
its answers mean nothing; only the time that it takes to give them does.
"""


class Shape(NamedTuple):
    """The size of a Llama."""

    hidden: int
    intermediate: int
    layers: int
    head: int = 64
    """Dimensions of a head."""
    kv_heads: int | None = None
    """Heads of the key-value cache, None for as many as of attention."""

    @property
    def heads(self) -> int:
        """Attention heads."""
        return self.hidden // self.head


SHAPES = {
    "15M": Shape(256, 1024, 10),
    "50M": Shape(640, 1728, 8),
    "1B": Shape(2048, 5632, 22),
    "8B": Shape(4096, 14336, 32, head=128, kv_heads=8),
}
"""By name in `evalboard.bench.cases.SIZES`."""


def make_tokenizer(files: Iterable[Path], *, max_length: int) -> PreTrainedTokenizerFast:
    """Train a tokenizer on all texts in some Parquet files."""
    return train_tokenizer(texts_of(files), vocabulary=VOCABULARY, max_length=max_length)


def make_model(
    folder: Path,
    shape: Shape,
    tokenizer: PreTrainedTokenizerFast,
    *,
    precision: str,
    number: int = 0,
) -> int:
    """Write a model's repository, the same on every machine of its kind.

    Where there is a GPU, the numbers come from it: billions take minutes on a processor.

    Args:
        folder: Where to.
        shape: Its size.
        tokenizer: Its tokenizer, which knows the longest context.
        precision: `float32` or `bfloat16`.
        number: Gives it other weights than those of other numbers.

    Returns:
        The number of its parameters.
    """
    disable_progress_bar()
    special: dict[str, Any] = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads or shape.heads,
        max_position_embeddings=tokenizer.model_max_length,
        **special,
    )
    device, dtype = "cuda" if torch.cuda.is_available() else "cpu", getattr(torch, precision)
    with torch.random.fork_rng(devices=[]), torch.device(device):
        torch.manual_seed(SEED + number)
        model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return model.num_parameters()


def texts_of(files: Iterable[Path]) -> Iterator[str]:
    """Yield every text in some Parquet files, also those in lists and structures."""
    for file in files:
        for column in pq.read_table(file).columns:
            yield from _texts(column.combine_chunks())


def _texts(column: pa.Array) -> Iterator[str]:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield from (text for text in column.to_pylist() if text)
    elif pa.types.is_list(kind):
        yield from _texts(column.flatten())
    elif pa.types.is_struct(kind):
        for field in column.flatten():
            yield from _texts(field)
