"""Retries of failed work within an attempt. Pure; the error classes define their number."""

from collections.abc import Sequence

from evalboard.errors import EvalboardError, OutOfMemory

MAX_TRIES = 50
"""Limit of tries for one piece of work, above what the error classes and the ladder allow."""


def is_worth_another_try(
    error: EvalboardError, earlier: Sequence[EvalboardError], *, can_be_smaller: bool
) -> bool:
    """Return whether the same work may succeed in another try.

    Args:
        error: The current failure.
        earlier: Earlier failures, without the current one.
        can_be_smaller: Whether smaller settings are left after running out of memory.
    """
    if isinstance(error, OutOfMemory):
        return can_be_smaller
    return sum(type(one) is type(error) for one in earlier) < error.repeats
