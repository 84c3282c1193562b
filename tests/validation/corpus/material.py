"""Good repositories to break: made once in a process, then copied."""

import atexit
import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

CARD = """---
license: apache-2.0
language: en
---
# A tiny model

Random weights, made to test the checks of a leaderboard. It knows nothing, it answers nothing, and
it is of no use for anything else. It is as small as a model can be while its config, tokenizer and
weights still load like those of a real one.
"""
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
VOCABULARY = 258
SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "vocab_size": VOCABULARY,
    "max_position_embeddings": 128,
}
"""What a tiny config of most architectures is given. Heads of 32 are the smallest that vLLM has on a
CPU."""
_MADE = Path(tempfile.mkdtemp(prefix="evalboard-corpus-"))
atexit.register(shutil.rmtree, _MADE, ignore_errors=True)


def write_good(folder: Path) -> None:
    """Copy a tiny Llama with tokenizer, chat template and card, which passes every check."""
    shutil.copytree(_good(), folder, dirs_exist_ok=True)


def write_model(folder: Path, model_type: str, *, shard_size: str = "5GB", **config: Any) -> None:
    """Write config, bfloat16 weights, tokenizer and card of a tiny model of any architecture.

    Args:
        folder: Where to.
        model_type: What transformers calls the architecture, such as `mixtral`.
        shard_size: Weights are split into files no larger than this.
        config: What the config gets beside or instead of `SIZES`.
    """
    from transformers import AutoConfig, AutoModelForCausalLM

    write_good(folder)
    (folder / "model.safetensors").unlink()
    (folder / "generation_config.json").unlink()
    made = AutoConfig.for_model(model_type, **(SIZES | config))
    model = AutoModelForCausalLM.from_config(made).bfloat16()
    model.save_pretrained(folder, max_shard_size=shard_size)


def write_tokenizer(folder: Path) -> None:
    """Write a byte-level tokenizer with a chat template, as `save_pretrained` writes it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    symbols = ["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", model_max_length=128
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    document = {key: value for key, value in document.items() if value is not None}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_safetensors(path: Path, header: dict[str, Any] | bytes, *, data_bytes: int = 0) -> None:
    """Write a safetensors file with whatever header, and so much data."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + bytes(data_bytes))


@cache
def _good() -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = _MADE / "good"
    torch.manual_seed(0)
    LlamaForCausalLM(LlamaConfig(**SIZES)).bfloat16().save_pretrained(folder)
    write_tokenizer(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder
