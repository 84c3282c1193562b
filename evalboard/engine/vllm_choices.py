"""Group log-likelihood requests by their context, so that a context is computed once. Pure.

A request is a context and a continuation, in tokens. Requests with the same context become one
group; groups are ordered by their tokens, so that contexts with a common beginning follow each
other and find it in the prefix cache.
"""

from collections.abc import Iterable
from typing import NamedTuple

from evalboard.errors import HarnessError


class TokenisedRequest(NamedTuple):
    """One log-likelihood request as lm_eval encodes it, before anything is cut off."""

    context: list[int]
    continuation: list[int]


class Choice(NamedTuple):
    """One continuation of a context."""

    request: int
    """Place of its request among all requests."""
    tokens: tuple[int, ...]
    """At least one."""


class ContextGroup(NamedTuple):
    """A context, as the model sees it, and everything that is to follow it."""

    context: tuple[int, ...]
    """At least one token."""
    choices: tuple[Choice, ...]

    @property
    def first_tokens(self) -> list[int]:
        """The tokens that may follow the context, each once."""
        return list(dict.fromkeys(choice.tokens[0] for choice in self.choices))

    @property
    def longer_choices(self) -> list[Choice]:
        """The choices of several tokens."""
        return [choice for choice in self.choices if len(choice.tokens) > 1]


def group_by_context(
    requests: Iterable[TokenisedRequest], *, max_tokens: int, max_choices: int
) -> list[ContextGroup]:
    """Cut every request to the model's length and gather those with the same context.

    As in lm_eval, what is too long loses tokens at its left end, so choices of different lengths
    after a long context can have different contexts.

    Args:
        requests: In the order in which they were asked.
        max_tokens: Longest context and continuation together.
        max_choices: Most choices of one group; a context with more has several groups.

    Returns:
        Groups in the order of their tokens. Requests without a continuation are in none of them.

    Raises:
        HarnessError: A continuation leaves no room for any context.
    """
    choices: dict[tuple[int, ...], list[Choice]] = {}
    for number, (context, continuation) in enumerate(requests):
        if not continuation:
            continue
        room = max_tokens - len(continuation)
        if not context or room <= 0:
            raise HarnessError(
                f"Request {number} has a continuation of {len(continuation)} tokens after a "
                f"context of {len(context)} tokens. The model's limit is {max_tokens} tokens, "
                "including at least one token of context. Use a model with a longer context."
            )
        seen = tuple(context[-room:])
        choices.setdefault(seen, []).append(Choice(number, tuple(continuation)))
    return [
        ContextGroup(context, tuple(choices[context][start : start + max_choices]))
        for context in sorted(choices)
        for start in range(0, len(choices[context]), max_choices)
    ]
