"""Smaller settings after an engine ran out of memory, one step at a time. Pure."""

from evalboard.engine.spec import EngineLimits

SEQUENCES = (64, 8, 1)
"""Steps of the number of concurrent requests."""
MEMORY_STEP = 0.1
LOWEST_MEMORY_FRACTION = 0.6
LENGTH_STEP = 64
"""Maximum lengths are multiples of this, in tokens."""


def next_limits(
    limits: EngineLimits, *, longest_request: int | None, max_gpus: int, takes_share: bool
) -> EngineLimits | None:
    """Return the next smaller settings, None if none are left.

    The order is by cost: fewer concurrent requests, a shorter maximum length (less cache per
    request), a smaller fraction of the memory (room for memory that the backend does not count),
    then more GPUs.

    Args:
        limits: The settings that were not enough.
        longest_request: Length in tokens with its answer. The maximum length stays at least as
            long, so no request is truncated. None keeps the length.
        max_gpus: Limit of GPUs for one engine of this model, 0 without GPUs.
        takes_share: Whether the engine uses a given fraction of a GPU's memory.
    """
    if fewer := _fewer_sequences(limits):
        return limits.model_copy(update={"max_num_seqs": fewer})
    if shorter := _shorter_length(limits, longest_request):
        return limits.model_copy(update={"max_length": shorter})
    lower = round(limits.gpu_memory_fraction - MEMORY_STEP, 2)
    if takes_share and lower >= LOWEST_MEMORY_FRACTION:
        return limits.model_copy(update={"gpu_memory_fraction": lower})
    if 2 * limits.tensor_parallel <= max_gpus:
        return limits.model_copy(update={"tensor_parallel": 2 * limits.tensor_parallel})
    return None


def _fewer_sequences(limits: EngineLimits) -> int | None:
    now = limits.max_num_seqs
    return next((number for number in SEQUENCES if now is None or number < now), None)


def _shorter_length(limits: EngineLimits, longest_request: int | None) -> int | None:
    """Return the shortest length that truncates nothing, None if it is already set."""
    if longest_request is None:
        return None
    shortest = -(-longest_request // LENGTH_STEP) * LENGTH_STEP
    return shortest if limits.max_length is None or shortest < limits.max_length else None
