"""Combine the weights of a model and its base."""

from pathlib import Path
from typing import NamedTuple

from evalboard.engine.loading.failures import loading_errors


class Combination(NamedTuple):
    """Two sets of weights, and where their combination goes."""

    is_adapter: bool
    """Whether the model is an adapter of its base; otherwise it is a delta."""
    base: Path
    """Folder with the base's weights; for an adapter also with its config and tokenizer."""
    own: Path
    """Folder with the weights of the adapter or the delta."""
    into: Path
    """Folder to write to; for a delta with the config of the sum."""
    number_type: str
    """Name of a torch dtype, such as `bfloat16`, or `auto` for a delta in the base's own."""


def combine(combination: Combination) -> None:
    """Write the combination.

    Raises:
        OutOfMemory: Merging needs more memory than the machine has.
        LoadFailed: The adapter or the delta does not fit its base.
    """
    is_adapter, base, own, into, number_type = combination
    with loading_errors({"number_type": number_type}):
        if is_adapter:
            from evalboard.engine.loading.adapters import merge_adapter  # peft, seconds

            merge_adapter(base, own, into, number_type=number_type)
        else:
            from evalboard.engine.loading.deltas import add_delta  # torch, seconds

            add_delta(base, own, into, number_type=number_type)
