"""Read the log-probabilities of a choice's tokens out of what vLLM returns for it.

The tokens that may follow a prompt are one row; the tokens of a prompt have a row each, where they
are asked for. A row has the tokens asked for, and the one that the model would have chosen.
"""

from collections.abc import Mapping, Sequence

from vllm import RequestOutput
from vllm.logprobs import Logprob

Row = tuple[float, bool]
"""Log-probability of one token, and whether it is the one that the model would have chosen."""


def next_rows(output: RequestOutput) -> dict[int, Row]:
    """Return the rows of the tokens that may follow a prompt: those asked for, and the chosen one.

    The chosen token is the one sampled at temperature 0: of two that are equally probable, one.
    """
    made = output.outputs[0]
    (likely,) = made.logprobs or [{}]
    return {token: (row.logprob, token == made.token_ids[0]) for token, row in likely.items()}


def prompt_rows(
    tokens: Sequence[int], found: Sequence[Mapping[int, Logprob] | None]
) -> list[Row] | None:
    """Return the rows of the last tokens of a prompt, None if some are missing.

    Args:
        tokens: The last tokens.
        found: Rows of the prompt's tokens, each with the token first and the likeliest one last.
            vLLM's model runner on a CPU gives one for each token, the one on a GPU leaves those of
            cached tokens out, and all before it if it had to start a prompt again.
    """
    last = found[len(found) - len(tokens) :] if len(found) >= len(tokens) else ()
    rows = [
        (likely[token].logprob, token == next(reversed(likely)))
        for token, likely in zip(tokens, last, strict=False)
        if likely and token in likely
    ]
    return rows if len(rows) == len(tokens) else None


def sum_up(rows: Sequence[Row]) -> Row:
    """Return a choice's log-likelihood, and whether it is the greedy answer."""
    return sum(logprob for logprob, _ in rows), all(greedy for _, greedy in rows)
