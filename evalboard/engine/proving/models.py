"""One-layer models of random weights, as repositories, and their log-likelihoods by transformers."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

SEED = 1
WORDS = 512
"""Size of the vocabulary."""
MAX_LENGTH = 64
"""In tokens."""
EXPERTS = 4
WEIGHT_DEVIATION = 0.1
"""Standard deviation of the random weights: likely and unlikely words are several nats apart."""
SHAPE: dict[str, Any] = {
    "vocab_size": WORDS,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": MAX_LENGTH,
    "initializer_range": WEIGHT_DEVIATION,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "tie_word_embeddings": False,
}
QUESTIONS = 32
CHOICES = 4
GROUP_SIZE = 128
"""Number of GPTQ's weights, along the input, with a common scale."""
GPTQ_LEVELS = 16
GPTQ_ZERO = 8
VALUES_PER_WORD = 8
"""Number of four-bit values in an int32."""
GPTQ_CONFIG = {
    "quant_method": "gptq",
    "bits": 4,
    "group_size": GROUP_SIZE,
    "desc_act": False,
    "sym": True,
    "lm_head": False,
}

Question = tuple[str, str]
"""A context and its continuation."""


def make_model(kind: str, folder: Path, precision: str) -> Any:
    """Write a repository, and return the same model in float32 on the CPU.

    The values are those of the precision, so that only the computation differs.

    Args:
        kind: `dense`, `mixture` or `gptq`.
        folder: An empty folder.
        precision: Name of a torch dtype.
    """
    disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        if kind == "mixture":
            model: Any = MixtralForCausalLM(MixtralConfig(**SHAPE, num_local_experts=EXPERTS))
        else:
            model = LlamaForCausalLM(LlamaConfig(**SHAPE))
    model.to(getattr(torch, precision)).save_pretrained(folder)
    _make_tokenizer().save_pretrained(folder)
    model = model.float().eval()
    if kind == "gptq":
        _quantise(model, folder, precision)
    return model


def questions() -> list[Question]:
    """Return contexts of different lengths, each with choices of one to three words."""
    generator = torch.Generator().manual_seed(SEED)

    def words(count: int) -> str:
        numbers = torch.randint(2, WORDS, (count,), generator=generator).tolist()
        return " ".join(f"w{number}" for number in numbers)

    contexts = [words(8 + number % 24) for number in range(QUESTIONS)]
    return [
        (context, f" {words(1 + choice % 3)}") for context in contexts for choice in range(CHOICES)
    ]


def plain_answers(model: Any, asked: Sequence[Question]) -> Iterator[float]:
    """Yield the log-likelihood of each continuation, in nats, one request at a time."""
    tokenizer = _make_tokenizer()
    for context, continuation in asked:
        begin = len(tokenizer(context)["input_ids"])
        tokens = torch.tensor([tokenizer(context + continuation)["input_ids"]])
        with torch.no_grad():
            rows = model(tokens).logits[0].log_softmax(-1)
        yield sum(float(rows[at - 1, tokens[0, at]]) for at in range(begin, tokens.shape[1]))


def _make_tokenizer() -> PreTrainedTokenizerFast:
    names = ["<s>", "</s>", *(f"w{number}" for number in range(2, WORDS))]
    words = Tokenizer(WordLevel({name: number for number, name in enumerate(names)}))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", model_max_length=MAX_LENGTH
    )


def _quantise(model: Any, folder: Path, precision: str) -> None:
    """Store the linear layers as GPTQ does, and give the model the same values.

    The format is that of AutoGPTQ's `pack`
    (https://github.com/AutoGPTQ/AutoGPTQ/blob/v0.7.1/auto_gptq/nn_modules/qlinear/qlinear_exllama.py):
    four-bit values along the input, eight to an int32, and zeros less one along the output. The values
    are rounded to the nearest: which model they give does not matter here.
    """
    file = folder / "model.safetensors"
    stored = load_file(file)
    for name, layer in model.model.layers.named_modules():
        if not isinstance(layer, torch.nn.Linear):
            continue
        place = f"model.layers.{name}"
        values, scales = _round(layer.weight.detach(), precision)
        layer.weight.data = ((values - GPTQ_ZERO) * _spread(scales)).T.contiguous()
        del stored[f"{place}.weight"]
        inputs, outputs = values.shape
        zeros = torch.full((inputs // GROUP_SIZE, outputs), GPTQ_ZERO - 1)
        stored |= {
            f"{place}.qweight": _packed(values.T).T.contiguous(),
            f"{place}.qzeros": _packed(zeros),
            f"{place}.scales": scales.to(getattr(torch, precision)),
            f"{place}.g_idx": (torch.arange(inputs) // GROUP_SIZE).to(torch.int32),
        }
    save_file(stored, file, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    described = json.dumps({**config, "quantization_config": GPTQ_CONFIG})
    (folder / "config.json").write_text(described, encoding="utf-8")


def _round(weight: torch.Tensor, precision: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return four-bit values, inputs by outputs, and the scale of each group by outputs."""
    groups = weight.T.reshape(-1, GROUP_SIZE, weight.shape[0])
    scales = groups.abs().amax(dim=1) / (GPTQ_ZERO - 1)
    scales = scales.to(getattr(torch, precision)).float()
    values = (weight.T / _spread(scales)).round() + GPTQ_ZERO
    return values.clamp(0, GPTQ_LEVELS - 1), scales


def _spread(scales: torch.Tensor) -> torch.Tensor:
    """Return the scale of each weight, inputs by outputs."""
    return scales.repeat_interleave(GROUP_SIZE, dim=0)


def _packed(values: torch.Tensor) -> torch.Tensor:
    """Pack four-bit values along the last dimension, the first into the lowest bits."""
    eights = values.to(torch.int64).reshape(*values.shape[:-1], -1, VALUES_PER_WORD)
    words = (eights << (4 * torch.arange(VALUES_PER_WORD))).sum(dim=-1)
    return (words - (words >> 31 << 32)).to(torch.int32)
