"""Other settings after an engine ran out of memory, one step at a time. Pure.

What was too small decides the steps. Every step costs a start of the engine, so none is tried that
does not concern it.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from evalboard.engine.lengths import STARTING_LENGTH, UNLIMITED_LENGTH, rounded_length
from evalboard.engine.spec import EngineLimits
from evalboard.errors import Shortage

BATCHED_TOKENS = (4_096, 2_048)
"""Steps of the number of tokens that the model computes at once, which decides the memory of its
activations. vLLM begins with 8,192 or 16,384 on a GPU."""
FEWEST_SEQUENCES = 64
"""Concurrent requests of an engine that reserves memory: fewer save nothing, and cost its speed."""
BATCH_SIZES = (64, 8, 1)
"""Steps of the number of concurrent requests where each takes memory of its own."""
SHARE_STEP = 0.1
LOWEST_SHARE = 0.6
USUAL_SHARE, HIGHEST_SHARE = 0.9, 0.95
"""A share is raised only from the usual one: a lower one was chosen for others' sake."""


class Headroom(NamedTuple):
    """The options for other settings."""

    longest_request: int | None
    """Longest request in tokens with its answer, None if it is unknown or another maximum length
    would change scores.
    """
    max_gpus: int
    """Limit of GPUs for one engine of this model, 0 without GPUs."""
    reserves_memory: bool
    """Whether the engine reserves memory in advance. If not, only its batches can be smaller."""
    takes_share: bool
    """Whether it reserves a given fraction of a GPU's memory."""


def next_limits(limits: EngineLimits, shortage: Shortage, room: Headroom) -> EngineLimits | None:
    """Return the next settings to try, None if none are left.

    Args:
        limits: The settings that were not enough.
        shortage: What was too small.
        room: The options.
    """
    steps = _STEPS[shortage] if room.reserves_memory else (_smaller_batch,)
    changes = (step(limits, room) for step in steps)
    change = next(filter(None, changes), None)
    return limits.model_copy(update=change) if change else None


Change = dict[str, float]
"""The new values, empty if a step cannot be taken."""


def _fewer_tokens(limits: EngineLimits, _: Headroom) -> Change:
    now = limits.max_num_batched_tokens
    fewer = next((number for number in BATCHED_TOKENS if now is None or number < now), None)
    return {"max_num_batched_tokens": fewer} if fewer else {}


def _fewer_sequences(limits: EngineLimits, _: Headroom) -> Change:
    now = limits.max_num_seqs
    return {"max_num_seqs": FEWEST_SEQUENCES} if now is None or now > FEWEST_SEQUENCES else {}


def _smaller_batch(limits: EngineLimits, _: Headroom) -> Change:
    now = limits.max_num_seqs
    smaller = next((size for size in BATCH_SIZES if now is None or size < now), None)
    return {"max_num_seqs": smaller} if smaller else {}


def _shorter(limits: EngineLimits, room: Headroom) -> Change:
    """Take the length of the longest request, which truncates nothing."""
    length = rounded_length(room.longest_request) if room.longest_request else None
    return {"max_length": length} if length and length < _length(limits) else {}


def _longer(limits: EngineLimits, room: Headroom) -> Change:
    """Take the length of the longest request, or the model's own if that is unknown."""
    length = rounded_length(room.longest_request) if room.longest_request else UNLIMITED_LENGTH
    return {"max_length": length} if length > _length(limits) else {}


def _more_gpus(limits: EngineLimits, room: Headroom) -> Change:
    number = 2 * limits.tensor_parallel
    return {"tensor_parallel": number} if number <= room.max_gpus else {}


def _smaller_share(limits: EngineLimits, room: Headroom) -> Change:
    lower = round(limits.gpu_memory_fraction - SHARE_STEP, 2)
    return {"gpu_memory_fraction": lower} if room.takes_share and lower >= LOWEST_SHARE else {}


def _larger_share(limits: EngineLimits, room: Headroom) -> Change:
    may_grow = room.takes_share and USUAL_SHARE <= limits.gpu_memory_fraction < HIGHEST_SHARE
    return {"gpu_memory_fraction": HIGHEST_SHARE} if may_grow else {}


def _length(limits: EngineLimits) -> int:
    return limits.max_length or STARTING_LENGTH


_STEPS: Mapping[Shortage, tuple[Callable[[EngineLimits, Headroom], Change], ...]] = {
    Shortage.STEP: (_fewer_tokens, _fewer_sequences, _smaller_share, _more_gpus),
    Shortage.CACHE: (_shorter, _more_gpus, _larger_share, _fewer_tokens),
    Shortage.SEQUENCES: (_fewer_sequences, _more_gpus, _larger_share),
    Shortage.SHARE: (_smaller_share,),
    Shortage.LENGTH: (_longer,),
}
