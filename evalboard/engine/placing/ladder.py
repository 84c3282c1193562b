"""What to try after an engine ran out of memory: smaller settings, one step at a time. Pure."""

from evalboard.engine.spec import EngineLimits

SEQUENCES = (64, 8, 1)
"""Numbers of requests at the same time."""
MEMORY_STEP = 0.1
LOWEST_MEMORY_FRACTION = 0.6
LENGTH_STEP = 64
"""Maximum lengths are multiples of this, in tokens."""


def next_limits(
    limits: EngineLimits, *, longest_request: int | None, max_gpus: int, takes_share: bool
) -> EngineLimits | None:
    """Return the next smaller settings, None when there are none left.

    The order is that of the cost: fewer requests at the same time, a shorter maximum length (less
    cache for every one of them), a smaller share of the memory (room for what the backend does not
    count), then more GPUs.

    Args:
        limits: What was not enough.
        longest_request: In tokens, with its answer. The maximum length becomes no shorter, so that
            no request is cut. None when it is unknown or plays no part: the length stays.
        max_gpus: As many as one engine of this model can take, 0 where there are none.
        takes_share: Whether the engine takes a share of a GPU's memory that it is told.
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
    """Return the shortest length that cuts nothing, None when it is in force already."""
    if longest_request is None:
        return None
    shortest = -(-longest_request // LENGTH_STEP) * LENGTH_STEP
    return shortest if limits.max_length is None or shortest < limits.max_length else None
