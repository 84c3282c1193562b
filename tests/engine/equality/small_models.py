"""Tiny models of several architectures, with tokenizers of several kinds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)
from transformers.utils.logging import disable_progress_bar

VOCABULARY = 600
MAX_LENGTH = 1024
BOS, EOS = "<s>", "</s>"

SENTENCES = """
The following are multiple choice questions (with answers) about anatomy.
Question: Which of the following is the most likely cause of the patient's symptoms?
A. The heart B. The liver C. The kidney D. The spleen
Answer: yes no maybe
The nerve that supplies the muscle leaves the skull through the foramen ovale.
Ein Herz schlägt ungefähr siebzigmal in der Minute; größer heißt nicht gesünder.
心臓は血液を全身に送ります。 Сердце качает кровь. القلب يضخ الدم. 🫀 🧠
""".strip().split("\n")


def byte_level(*, bos: bool) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer, which puts a BOS before every text or knows none."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [BOS, EOS] if bos else [EOS]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    if bos:
        _put_bos_first(tokenizer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=EOS, **({"bos_token": BOS} if bos else {})
    )


def sentence_piece() -> PreTrainedTokenizerFast:
    """Return a tokenizer like Llama 2's: spaces are marks, the first one is added, bytes fall back."""
    tokenizer = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    special = ["<unk>", BOS, EOS, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, show_progress=False, max_token_length=12
    )
    tokenizer.train_from_iterator([s.replace(" ", " ▁").split() for s in SENTENCES], trainer)
    _put_bos_first(tokenizer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=EOS, unk_token="<unk>"
    )


def _put_bos_first(tokenizer: Tokenizer) -> None:
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level": lambda: byte_level(bos=True),
    "sentence-piece": sentence_piece,
    "no-bos": lambda: byte_level(bos=False),
}


def _sizes(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    # Two heads of 32: the smallest head size of vLLM's attention on a CPU.
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": MAX_LENGTH,
        "initializer_range": 0.2,  # large enough that choices differ clearly
        **_special(tokenizer),
    }


def _special(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}


def llama(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return LlamaForCausalLM(LlamaConfig(**_sizes(tokenizer)))


def qwen3(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return Qwen3ForCausalLM(Qwen3Config(head_dim=32, **_sizes(tokenizer)))


def mixtral(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return MixtralForCausalLM(
        MixtralConfig(num_local_experts=4, num_experts_per_tok=2, **_sizes(tokenizer))
    )


def gpt2(tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=MAX_LENGTH,
            n_embd=64,
            n_layer=2,
            n_head=2,
            initializer_range=0.2,
            **_special(tokenizer),
        )
    )


ARCHITECTURES: dict[str, Callable[[PreTrainedTokenizerFast], PreTrainedModel]] = {
    "llama": llama,
    "qwen3": qwen3,
    "gpt2": gpt2,
    "mixtral": mixtral,
}


def write_model(folder: Path, architecture: str, tokenizer: str) -> Path:
    """Write a model of random weights, the same at every call."""
    disable_progress_bar()
    made = TOKENIZERS[tokenizer]()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = ARCHITECTURES[architecture](made)
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder
