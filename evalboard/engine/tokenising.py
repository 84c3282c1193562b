"""Tokenizers that end a text, made to leave it open.

What a tokenizer adds before a text (BOS) is part of the model's input. What it adds after one (EOS,
as tokenizers of fine-tuned models do for training) ends the text: every continuation would come after
the end, or be the end.
"""

from functools import partial
from typing import Any

from tokenizers.processors import TemplateProcessing

from evalboard.errors import HarnessError, LoadFailed

OTHER = 2**31
"""Number of a token that no tokenizer has."""
START = "START"
"""Name of all tokens before a text, in a post-processor."""


def keep_texts_open(tokenizer: Any) -> None:
    """Make a tokenizer add nothing after a text. What it adds before one stays.

    Args:
        tokenizer: A tokenizer of transformers, which is changed.

    Raises:
        LoadFailed: It still adds something.
    """
    before, after = _added(tokenizer)
    if not after:
        return
    if tokenizer.is_fast:
        names = tokenizer.convert_ids_to_tokens(before)
        start = {"id": START, "ids": before, "tokens": names}
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=[START, "$A"] if before else ["$A"],
            pair=[START, "$A", "$B:1"] if before else ["$A", "$B:1"],
            special_tokens=[start] if before else [],
        )
    else:
        tokenizer.build_inputs_with_special_tokens = partial(_put_first, before)
    _, after = _added(tokenizer)
    if after:
        raise LoadFailed(
            f"The tokenizer adds {tokenizer.convert_ids_to_tokens(after)} after every text, so no "
            "text can be continued. Remove them from the post-processor in tokenizer.json, or set "
            "`add_eos_token` to false in tokenizer_config.json."
        )


def adds_after(tokenizer: Any) -> bool:
    """Return whether a tokenizer adds something after every text."""
    _, after = _added(tokenizer)
    return bool(after)


def require_prefix(token: int | None) -> int:
    """Return the token before a text without a context: BOS, or EOS.

    Raises:
        HarnessError: The tokenizer has neither.
    """
    if token is None:
        raise HarnessError(
            "A question has no context, and the model's tokenizer has neither a BOS nor an EOS token "
            "to begin a text with. Set `bos_token` or `eos_token` in the model's "
            "tokenizer_config.json, or choose benchmarks with contexts."
        )
    return token


def without_prefix(tokens: list[int], prefix: int) -> list[int]:
    """Return the tokens of a text without those that it has before it already."""
    return tokens[1:] if tokens[:1] == [prefix] else tokens


def _added(tokenizer: Any) -> tuple[list[int], list[int]]:
    """Return the tokens that a tokenizer adds before and after any other.

    Padding and truncation are kept in tokenizer.json. transformers sets both anew in each call.
    """
    if tokenizer.is_fast:
        backend = tokenizer.backend_tokenizer
        backend.no_padding()
        backend.no_truncation()
        other = backend.encode("", add_special_tokens=False)
        other.truncate(0)
        other.pad(1, pad_id=OTHER)
        whole = backend.post_process(other).ids
    else:
        whole = tokenizer.build_inputs_with_special_tokens([OTHER])
    place = whole.index(OTHER)
    return whole[:place], whole[place + 1 :]


def _put_first(before: list[int], first: list[int], second: list[int] | None = None) -> list[int]:
    return [*before, *first, *(second or [])]
