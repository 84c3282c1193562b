"""The answers of a loaded model as a stream, in parts that can be stored.

lm_eval's model classes answer all requests of a call at once. The classes of this project also have
`stream`, which yields the answers as they arrive.
"""

from collections.abc import Generator, Sequence, Set
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance


Kind = Literal["loglikelihood", "loglikelihood_rolling", "generate_until"]
"""lm_eval's kinds of requests, named as the methods that answer them."""

Answer = tuple[float, bool] | float | str
"""To `loglikelihood` (natural logarithm, is greedy), to `loglikelihood_rolling` the logarithm, to
`generate_until` the text."""

NumberedAnswers = list[tuple[int, Answer]]
"""Answers with the positions of their requests."""

QUESTIONS_PER_BLOCK = 256
"""Number of questions per block if the composition of a batch must not change."""


class StreamingModel(Protocol):
    """A loaded model that yields its answers as they arrive."""

    max_length: int
    """Number of tokens that it reads at most."""
    may_cut: bool
    """Whether it reads only the end of a longer request; otherwise it refuses one."""
    max_gen_toks: int
    """Number of tokens that it generates for a task that does not say how many."""

    def tok_encode(self, text: str) -> list[int]:
        """Return the tokens of a text, with those that the tokenizer adds."""
        ...

    def stream(
        self, kind: Kind, requests: Sequence["Instance"], wanted: Set[int]
    ) -> Generator[NumberedAnswers]:
        """Answer requests.

        Args:
            kind: Kind of all requests.
            requests: All requests of the call, including known ones: the composition of batches can
                depend on all of them.
            wanted: Positions of the requests to answer.

        Yields:
            Answers in any order, each at most once: all wanted ones, and possibly others.
        """
        ...
