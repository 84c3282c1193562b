"""Byte-level tokenizers, which encode any text; above all the one that all tiny models share."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from evalboard.demo.questions import make_benchmarks

VOCABULARY = 1500
"""Enough for every word of the practice questions, and for the answers " A", " yes" and so on."""
MAX_LENGTH = 4096
"""Longest context of the tiny models, in tokens; real benchmarks have prompts of that order."""
BEGIN, END = "<s>", "</s>"


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Train the tokenizer on the practice questions; the same each time, in less than a second."""
    texts = [
        question.prompt + question.target
        for benchmark in make_benchmarks().values()
        for question in benchmark.train
    ]
    return train_tokenizer(texts, vocabulary=VOCABULARY, max_length=MAX_LENGTH)


def train_tokenizer(
    texts: Iterable[str], *, vocabulary: int, max_length: int
) -> PreTrainedTokenizerFast:
    """Train a byte-level tokenizer; the same for the same texts.

    Args:
        texts: What it is to encode well.
        vocabulary: Most entries that it may have; few texts give fewer.
        max_length: Longest context in tokens that its models take.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, model_max_length=max_length
    )
