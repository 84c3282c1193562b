"""Train a tiny model on the practice questions, in seconds on one core.

The loss is that of the answer's token, and one thing more: while it writes the answer, the last
layer is told to look at the words of the right choice. Without that hint a model of this size needs
several times as many steps to find out what the letters are for.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from evalboard.demo.questions import LETTERS, ChoiceQuestion, Question

STEPS = 400
BATCH_SIZE = 32
LEARNING_RATE = 3e-3
WARMUP_STEPS = 50
DECAY_STEPS = 120
CHOICE_ROUNDS = 5
"""Batches of each benchmark with choices for one of yes, no and maybe, which is learned sooner."""


class Batch(NamedTuple):
    """Questions as tensors, padded at the right."""

    tokens: torch.Tensor
    """Tokens of the prompts: questions x positions."""
    last: torch.Tensor
    """Position of the last token of each prompt."""
    targets: torch.Tensor
    """Token of each right answer."""
    spots: torch.Tensor
    """1 where the words of the right choice stand, 0 elsewhere: questions x positions."""


def train(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    practice: dict[str, list[Question]],
    on_progress: Callable[[str], object],
    seed: int = 0,
) -> None:
    """Train `model` in place, a fixed number of steps.

    Args:
        model: Built with `attn_implementation="eager"`, which alone tells where it looks.
        tokenizer: Encodes each answer as one token.
        practice: Practice questions by benchmark.
        on_progress: Called with the progress of the training.
        seed: Of the choice of questions and of the order of their choices.
    """
    rng = random.Random(seed)
    rounds = _rounds(practice)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.1, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, _learning_rate_share)
    model.train()
    with _one_thread():
        for step in range(STEPS):
            drawn = rng.sample(rounds[step % len(rounds)], BATCH_SIZE)
            batch = make_batch([_shuffle_choices(question, rng) for question in drawn], tokenizer)
            optimizer.zero_grad()
            _loss(model, batch).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            if (step + 1) % 100 == 0:
                on_progress(f"training, step {step + 1} of {STEPS}")
    model.eval()


def make_batch(questions: list[Question], tokenizer: PreTrainedTokenizerFast) -> Batch:
    """Encode the questions."""
    prompts = [question.prompt for question in questions]
    encoded = tokenizer(prompts, return_offsets_mapping=True)
    rows = [torch.tensor(row) for row in encoded["input_ids"]]
    spots = [
        torch.tensor([float(start < right and end > left) for start, end in offsets])
        for (left, right), offsets in zip(
            map(_answer_span, questions), encoded["offset_mapping"], strict=True
        )
    ]
    targets = tokenizer([question.target for question in questions])["input_ids"]
    return Batch(
        torch.nn.utils.rnn.pad_sequence(rows, batch_first=True),
        torch.tensor([len(row) - 1 for row in rows]),
        torch.tensor(targets).squeeze(1),
        torch.nn.utils.rnn.pad_sequence(spots, batch_first=True),
    )


def _answer_span(question: Question) -> tuple[int, int]:
    """Return where the right choice stands in the prompt: first and past-the-end character."""
    if not isinstance(question, ChoiceQuestion):
        return 0, 0
    mark = f"\n{LETTERS[question.answer]}. "
    start = question.prompt.index(mark) + len(mark)
    return start, start + len(question.choices[question.answer])


def _loss(model: LlamaForCausalLM, batch: Batch) -> torch.Tensor:
    output = model.model(batch.tokens, use_cache=False, output_attentions=True)
    rows = torch.arange(len(batch.tokens))
    loss = cross_entropy(model.lm_head(output.last_hidden_state[rows, batch.last]), batch.targets)
    if not batch.spots.any():
        return loss
    looked_at = output.attentions[-1].mean(dim=1)[rows, batch.last]
    return loss - ((looked_at * batch.spots).sum(dim=1) + 1e-6).log().mean()


def _rounds(practice: dict[str, list[Question]]) -> list[list[Question]]:
    """Return the benchmarks in the order of one round of batches."""
    choices = [many for many in practice.values() if isinstance(many[0], ChoiceQuestion)]
    others = [many for many in practice.values() if not isinstance(many[0], ChoiceQuestion)]
    return choices * CHOICE_ROUNDS + others


def _shuffle_choices(question: Question, rng: random.Random) -> Question:
    if not isinstance(question, ChoiceQuestion):
        return question
    return question.reordered(rng.sample(range(len(LETTERS)), len(LETTERS)))


def _learning_rate_share(step: int) -> float:
    """Rise at the start, fall at the end."""
    return min(1.0, (step + 1) / WARMUP_STEPS, max(0.02, (STEPS - step) / DECAY_STEPS))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch on one thread: faster for matrices this small, and the sums stay the same."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
