"""Group log-likelihood requests by context, so each context is computed once. Pure.

A request is a context and a continuation, in tokens. Requests with the same context become one
group; groups are sorted by their tokens, so contexts with a common start follow each other and find
it in the prefix cache.
"""

from collections.abc import Iterable
from typing import NamedTuple

from evalboard.errors import HarnessError, OutOfMemory, Shortage


class TokenisedRequest(NamedTuple):
    """One log-likelihood request as encoded by lm_eval, before truncation."""

    context: list[int]
    continuation: list[int]


class Choice(NamedTuple):
    """One continuation of a context."""

    request: int
    """Position of its request among all requests."""
    tokens: tuple[int, ...]
    """Tokens, at least one."""


class ContextGroup(NamedTuple):
    """A context, as the model sees it, and all its continuations."""

    context: tuple[int, ...]
    """Tokens of the context, at least one."""
    choices: tuple[Choice, ...]

    @property
    def first_tokens(self) -> list[int]:
        """The possible next tokens after the context, each once."""
        return list(dict.fromkeys(choice.tokens[0] for choice in self.choices))

    @property
    def longer_choices(self) -> list[Choice]:
        """The choices with several tokens."""
        return [choice for choice in self.choices if len(choice.tokens) > 1]


def group_by_context(
    requests: Iterable[TokenisedRequest], *, max_tokens: int, max_choices: int, may_cut: bool
) -> list[ContextGroup]:
    """Truncate every request to the model's length, and group those with the same context.

    As in lm_eval, long requests are truncated on the left, so choices of different lengths after a
    long context can have different contexts.

    Args:
        requests: The requests in their original order.
        max_tokens: Limit of tokens of context and continuation together.
        max_choices: Limit of choices per group. A context with more has several groups.
        may_cut: Whether longer requests are truncated; otherwise none may be longer.

    Returns:
        Groups, sorted by their tokens. Requests without a continuation are omitted.

    Raises:
        HarnessError: A continuation leaves no room for any context.
        OutOfMemory: A request is longer, and must not be truncated.
    """
    choices: dict[tuple[int, ...], list[Choice]] = {}
    for number, (context, continuation) in enumerate(requests):
        if not continuation:
            continue
        if not may_cut:
            require_room(len(context) + len(continuation), max_tokens)
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


def require_room(tokens: int, max_tokens: int) -> None:
    """Refuse a request that would be truncated.

    Raises:
        OutOfMemory: It has more tokens than the limit. `shortage` is the length.
    """
    if tokens > max_tokens:
        raise OutOfMemory(
            f"A request has {tokens:,} tokens, and the engine was loaded for {max_tokens:,}, to "
            "save memory. Load the model with a longer maximum length.",
            shortage=Shortage.LENGTH,
        )
