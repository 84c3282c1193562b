"""How a loaded model answers: as a stream, in parts that can be kept.

lm_eval's model classes answer all requests of a call at once. Ours also have `stream`, which gives
the answers as they come.
"""

from collections.abc import Iterator, Sequence, Set
from typing import Literal, Protocol

from lm_eval.api.instance import Instance

Kind = Literal["loglikelihood", "loglikelihood_rolling", "generate_until"]
"""lm_eval's kinds of requests, named as the methods that answer them."""

Answer = tuple[float, bool] | float | str
"""To `loglikelihood` (natural logarithm, is greedy), to `loglikelihood_rolling` the logarithm, to
`generate_until` the text."""

NumberedAnswers = list[tuple[int, Answer]]
"""Answers with the place of their request."""

QUESTIONS_PER_BLOCK = 256
"""Questions that are worked on together where the composition of a batch must not change."""


class StreamingModel(Protocol):
    """A loaded model that gives its answers as they come."""

    def stream(
        self, kind: Kind, requests: Sequence[Instance], wanted: Set[int]
    ) -> Iterator[NumberedAnswers]:
        """Answer requests.

        Args:
            kind: Of all requests.
            requests: All requests of the call, also those whose answers are known: what is computed
                together may depend on all of them.
            wanted: Places of the requests that are to be answered.

        Yields:
            Answers in any order, each at most once; all that are wanted, and possibly others.
        """
        ...
