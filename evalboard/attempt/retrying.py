"""Whether work that failed is done again within its attempt. Pure; the error classes say how often."""

from collections.abc import Sequence

from evalboard.errors import EvalboardError, OutOfMemory

MAX_TRIES = 50
"""Of one piece of work: more than the error classes and the whole ladder allow together."""


def is_worth_another_try(
    error: EvalboardError, earlier: Sequence[EvalboardError], *, can_be_smaller: bool
) -> bool:
    """Return whether the same work may end otherwise when it is tried again.

    Args:
        error: How it ended now.
        earlier: How it ended before, this time not included.
        can_be_smaller: Whether there are smaller settings to try after running out of memory.
    """
    if isinstance(error, OutOfMemory):
        return can_be_smaller
    return sum(type(one) is type(error) for one in earlier) < error.repeats
