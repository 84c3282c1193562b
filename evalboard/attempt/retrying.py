"""Which failure is worth another try. Pure; the one place where that is decided."""

from collections.abc import Sequence

from evalboard.errors import EngineDied, EvalboardError, NodeLost, OutOfMemory

TRIES_AFTER_DEATH = 2
"""A crash that comes back is no chance."""
TRIES_AFTER_LOSS = 20
"""A machine that goes away says nothing about the work, but a cluster that loses so many is ill."""
TRIES_IN_ALL = 50
"""More than all classes and the whole ladder together."""


def is_worth_another_try(
    error: EvalboardError, earlier: Sequence[EvalboardError], *, can_be_smaller: bool
) -> bool:
    """Return whether the same work may end otherwise when it is tried again.

    Args:
        error: How it ended now.
        earlier: How it ended before, this time not included.
        can_be_smaller: Whether there are smaller settings to try after running out of memory.
    """
    before = sum(type(one) is type(error) for one in earlier)
    match error:
        case NodeLost():
            return before < TRIES_AFTER_LOSS
        case EngineDied():
            return before < TRIES_AFTER_DEATH
        case OutOfMemory():
            return can_be_smaller
        case _:
            return False
