"""Tiny models that write one fixed text: a thought with stop texts in it, and then an answer.

The next token depends on the last one alone, so it does not matter what they are asked. Their chat
template ends with one of two tokens: after the one they think, after the other they answer at once.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken
from transformers import LlamaConfig, LlamaForCausalLM

from tests.engine.equality.small_models import byte_level

STOP = "\n\n"
ANSWER = "#### 7"
THOUGHT = ("<think>Perhaps 3.\n\nQuestion: or is it", " 8?\n\n#### 8\n\nNo.")
TEMPLATE = (
    "{% for message in messages %}{{ message.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}{% if enable_thinking %}<|on|>{% else %}<|off|>{% endif %}"
    "{% endif %}"
)
ENDS: dict[str, tuple[str, ...]] = {
    "a special token": ("</think>",),
    "a part of two tokens": ("</th", "ink>\n"),
}
"""The tokens that contain the end of the thinking."""


def after_thought(end: Sequence[str]) -> list[str]:
    """Return what a thinker writes after its thought, token by token."""
    return [*end, "\n\n\n", f" \n{ANSWER}", f"{STOP}Question: and", " so on"]


def write_thinker(folder: Path, end: Sequence[str] = ENDS["a special token"]) -> Path:
    """Write a thinker in float32.

    Args:
        folder: Where to.
        end: The tokens that contain `</think>`. A single one is a special token.
    """
    thinks = ["<|on|>", *THOUGHT, *after_thought(end)]
    answers = ["<|off|>", ANSWER, STOP, " or not"]
    special = end[0] if len(end) == 1 else ""
    return write_chains(folder, [thinks, answers], template=TEMPLATE, special=special)


def write_chains(
    folder: Path,
    chains: Sequence[Sequence[str]],
    *,
    template: str,
    special: str = "",
    context: int = 1024,
    sharpness: float = 1.0,
) -> Path:
    """Write a model in float32 that goes on with the rest of a chain after each of its tokens.

    Args:
        folder: Where to.
        chains: Texts that become tokens of their own. None is in two chains.
        template: The chat template, which chooses the chain by its first token.
        special: The token that is a special one.
        context: Tokens that the model reads.
        sharpness: Factor of the logits: with more of it, samples are the most probable tokens.
    """
    tokenizer: Any = byte_level(bos=True)  # its methods hide the types of what they return
    texts = dict.fromkeys(text for chain in chains for text in chain)
    tokenizer.add_tokens(
        [AddedToken(text, special=text == special, normalized=False) for text in texts]
    )
    tokenizer.chat_template = template
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=context,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model: Any = LlamaForCausalLM(config)
    with torch.no_grad():
        (layer,) = model.model.layers
        for silent in (layer.self_attn.o_proj, layer.mlp.down_proj, model.lm_head):
            silent.weight.zero_()
        codes = sharpness * torch.nn.functional.normalize(model.model.embed_tokens.weight)
        for chain in chains:
            numbers = tokenizer.convert_tokens_to_ids(list(chain))
            for last, following in zip(
                numbers, [*numbers[1:], tokenizer.eos_token_id], strict=True
            ):
                model.lm_head.weight[following] += codes[last]
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
