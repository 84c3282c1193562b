"""Tiny models, built on the fly: complete repositories for every check and engine.

Their answers say nothing about medicine. Each shows one thing: guessing in two architectures,
learning, a constant preference whose score is known beforehand, a repository that must be rejected.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from evalboard.demo import real_model
from evalboard.demo.drafts import draft_of
from evalboard.demo.questions import read_practice
from evalboard.demo.tokenizer import MAX_LENGTH, make_tokenizer
from evalboard.demo.training import train

HIDDEN_SIZE = 64
HEADS = 2
"""Two heads of 32: the smallest head size of vLLM's attention on a CPU."""
LAYERS = 2
FAVOUR = 16.0
"""Logit of a favoured token; all others have 0."""

Architecture = Literal["llama", "gpt2"]

CARD = """---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
tags: [evalboard-demo]
---
# {title}

{about}

This is one of the tiny models that the demonstration of evalboard makes on the spot. It exists to
show how a submission travels from the queue to the board. It has fewer than half a million
parameters, reads a vocabulary made from the demonstration's own practice questions, and
must not be used for anything that matters, least of all for medicine.
"""


def make_random_model(folder: Path, *, architecture: Architecture = "llama", seed: int = 0) -> None:
    """Write a model with random weights."""
    tokenizer = make_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if architecture == "llama":
            model = LlamaForCausalLM(_llama_config(tokenizer))
        else:
            model = GPT2LMHeadModel(_gpt2_config(tokenizer))
    about = f"Random weights in the {architecture} architecture, never trained. It guesses."
    _write(folder, model, tokenizer, about)


def make_letter_model(folder: Path, *, favoured: tuple[str, ...] = (" A", " yes")) -> None:
    """Write a model that gives the same preference after any text.

    All token embeddings are equal and no layer adds anything, so that the last hidden state is a
    constant; the output layer lets the tokens of the favoured texts stand out.

    Args:
        folder: The repository to write; must not exist.
        favoured: The continuations that it prefers, with their leading space. One of each set of
            choices, so that its score is the share of questions with that answer.
    """
    tokenizer = make_tokenizer()
    tokens = sorted({token for text in favoured for token in tokenizer.encode(text)})
    model = LlamaForCausalLM(_llama_config(tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0.0)
        model.model.embed_tokens.weight.fill_(1.0)
        model.model.norm.weight.fill_(1.0)
        model.lm_head.weight[tokens] = FAVOUR / HIDDEN_SIZE
    answers = " and ".join(repr(text) for text in favoured)
    _write(folder, model, tokenizer, f"It prefers {answers} after any text, whatever the question.")


def make_trained_model(folder: Path, datasets: Path, on_progress: Callable[[str], object]) -> None:
    """Write a model trained on the practice questions; takes seconds.

    Args:
        folder: The repository to write; must not exist.
        datasets: Datasets mirror that `evalboard.demo.questions.write_datasets` wrote.
        on_progress: Called with the progress of the training.

    Raises:
        DataMissing: The mirror lacks a practice split.
    """
    tokenizer, practice = make_tokenizer(), read_practice(datasets)
    # Larger first weights than usual: at the usual 0.02 so short a training only just begins.
    config = _llama_config(tokenizer, initializer_range=0.1, attn_implementation="eager")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = LlamaForCausalLM(config)
    train(model, tokenizer, practice, on_progress)
    about = "Trained for a few seconds on the demo's practice questions. It beats guessing."
    _write(folder, model, tokenizer, about)


def make_broken_model(folder: Path) -> None:
    """Write a repository that fails many checks.

    Pickled weights only, custom code, no tokenizer, no licence, next to no model card.
    """
    config = {
        "architectures": ["BrokenModel"],
        "model_type": "demo_broken",
        "auto_map": {
            "AutoConfig": "modeling_broken.BrokenConfig",
            "AutoModelForCausalLM": "modeling_broken.BrokenModel",
        },
    }
    code = 'raise ImportError("Code from a model repository was run. This must never happen.")\n'
    with draft_of(folder) as draft:
        (draft / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        (draft / "modeling_broken.py").write_text(code, encoding="utf-8")
        (draft / "README.md").write_text("# broken\n", encoding="utf-8")
        torch.save({"weight": torch.zeros(4, 4)}, draft / "pytorch_model.bin")


def make_demo_models(
    folder: Path, datasets: Path, on_progress: Callable[[str], object], *, with_real: bool = False
) -> list[str]:
    """Build the missing models of the demo.

    Args:
        folder: Models mirror: each lies at `{org}/{name}/`.
        datasets: Datasets mirror with the practice questions.
        on_progress: Called with a description of the current step.
        with_real: Whether a real model is among them; see `real_model`.

    Returns:
        The names of all models, in the order to submit them.

    Raises:
        ConfigError: The package with the real model is not installed.
    """
    makers: dict[str, Callable[[Path], None]] = {
        "demo/random-llama": make_random_model,
        "demo/random-gpt2": lambda path: make_random_model(path, architecture="gpt2"),
        "demo/trained-llama": lambda path: make_trained_model(path, datasets, on_progress),
        "demo/always-a": make_letter_model,
        "demo/broken": make_broken_model,
    }
    if with_real:
        makers[real_model.NAME] = real_model.make_real_model
    # Saving draws a bar of its own, which would run into whatever shows the progress.
    disable_progress_bar()
    for name, make in makers.items():
        if not (folder / name).exists():
            on_progress(f"making {name}")
            make(folder / name)
    return list(makers)


def _llama_config(tokenizer: PreTrainedTokenizerFast, **more: Any) -> LlamaConfig:
    return LlamaConfig(
        hidden_size=HIDDEN_SIZE,
        intermediate_size=2 * HIDDEN_SIZE,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=MAX_LENGTH,
        **_vocabulary(tokenizer),
        **more,
    )


def _gpt2_config(tokenizer: PreTrainedTokenizerFast) -> GPT2Config:
    return GPT2Config(
        n_embd=HIDDEN_SIZE,
        n_layer=LAYERS,
        n_head=HEADS,
        n_positions=MAX_LENGTH,
        **_vocabulary(tokenizer),
    )


def _vocabulary(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "dtype": "float32",
    }


def _write(
    folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, about: str
) -> None:
    with draft_of(folder) as draft:
        model.save_pretrained(draft)
        tokenizer.save_pretrained(draft)
        card = CARD.format(title=folder.name, about=about)
        (draft / "README.md").write_text(card, encoding="utf-8")
