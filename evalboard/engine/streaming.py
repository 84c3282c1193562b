"""The answers of a loaded model as a stream, in parts that can be stored.

lm_eval's model classes answer all requests of a call at once. The classes of this project also have
`stream`, which yields the answers as they arrive.
"""

import math
from collections.abc import Callable, Generator, Sequence, Set
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance


Kind = Literal["loglikelihood", "loglikelihood_rolling", "generate_until"]
"""lm_eval's kinds of requests, named as the methods that answer them."""

Ending = Literal["eos", "stop", "length"]
"""Why a text ended: the model ended it, a stop text did, or it had as many tokens as allowed."""


class GeneratedText(NamedTuple):
    """One text of a model."""

    answer: str
    """What the task reads: without the thinking, up to the first stop text."""
    raw: str
    """All of it, without special tokens other than the thinking's end."""
    end: Ending | None
    """Why it ended, None if an earlier version kept the answer alone."""
    tokens: int | None
    """Number of generated tokens, with the one that ended it; None as for `end`."""


Answer = tuple[float, bool] | float | GeneratedText
"""To `loglikelihood` (natural logarithm, is greedy), to `loglikelihood_rolling` the logarithm, to
`generate_until` the text."""

NumberedAnswers = list[tuple[int, Answer]]
"""Answers with the positions of their requests."""

CountTokens = Callable[[int], None]
"""Called with numbers of prompt tokens."""


def count_no_tokens(tokens: int) -> None:
    """Forget how many tokens a prompt has."""


QUESTIONS_PER_BLOCK = 256
"""Number of questions per block if the composition of a batch must not change."""


def read_answer(value: Any) -> Answer:
    """Return the answer in a JSON value.

    Raises:
        ValueError: There is none.
    """
    match value:
        case str(answer):  # kept by an earlier version
            return GeneratedText(answer, answer, None, None)
        case [str(answer), str(raw), "eos" | "stop" | "length" | None as end, tokens] if (
            tokens is None or type(tokens) is int
        ):
            return GeneratedText(answer, raw, end, tokens)
        case [logprob, bool(is_greedy)] if _is_finite(logprob):
            return logprob, is_greedy
        case _ if _is_finite(value):
            return value
    raise ValueError("no answer")


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < math.inf


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
        self,
        kind: Kind,
        requests: Sequence["Instance"],
        wanted: Set[int],
        *,
        think_end: str | None = None,
        count_tokens: CountTokens = count_no_tokens,
    ) -> Generator[NumberedAnswers]:
        """Answer requests.

        Args:
            kind: Kind of all requests.
            requests: All requests of the call, including known ones: the composition of batches can
                depend on all of them.
            wanted: Positions of the requests to answer.
            think_end: End token of the thinking that comes before each generated answer, None for a
                model that does not think. Stop texts count after it.
            count_tokens: Is told in portions how many tokens the prompts of all requests have, known
                ones among them: a context counts once, and with it each of its continuations.

        Yields:
            Answers in any order, each at most once: all wanted ones, and possibly others.
        """
        ...
