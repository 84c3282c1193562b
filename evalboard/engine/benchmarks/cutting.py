"""Requests that are longer than a model: which are cut, and which cannot be asked."""

from collections.abc import Sequence
from typing import Any, cast

from lm_eval.api.instance import Instance

from evalboard.engine.benchmarks.prompts import generation_budget
from evalboard.engine.streaming import Kind
from evalboard.errors import HarnessError

Question = tuple[str | None, int | None]
"""Name of a task and number of one of its documents."""
MAX_SPECIAL_TOKENS = 8
"""Tokens that a tokenizer adds to a text, at most."""


def cut_questions(model: Any, kind: Kind, requests: Sequence[Instance]) -> set[Question]:
    """Return the questions whose prompts are longer than the model: it does not see their beginning.

    A text without a context (`loglikelihood_rolling`) is read in windows, and never cut.

    Args:
        model: A loaded model; see `StreamingModel`.
        kind: Kind of all requests.
        requests: The requests.

    Raises:
        HarnessError: The tokens to generate leave no room for a prompt.
    """
    if not model.may_cut or kind == "loglikelihood_rolling":
        return set()
    cut: set[Question] = set()
    counts: dict[str, int] = {}

    def exceeds(context: str, continuation: str, limit: int) -> bool:
        # No token is shorter than a byte, and most texts are shorter than a model by far.
        added = len(continuation.encode(errors="replace"))
        if len(context.encode(errors="replace")) + added + MAX_SPECIAL_TOKENS <= limit:
            return False
        if context not in counts:
            counts[context] = len(model.tok_encode(context))
        if counts[context] + added <= limit:
            return False
        return len(model.tok_encode(context + continuation)) > limit

    def is_cut(request: Instance) -> bool:
        asked = cast("tuple[Any, ...]", request.args)
        if kind == "generate_until":
            return exceeds(asked[0], "", _room(model, request))
        return exceeds(asked[0], asked[1], model.max_length + 1)  # the last token is never read

    for request in requests:
        question = request.task_name, request.doc_id
        if question not in cut and is_cut(request):
            cut.add(question)
    return cut


def _room(model: Any, request: Instance) -> int:
    """Return how many tokens of a prompt a model can read before it generates an answer."""
    _, options = cast("tuple[str, dict[str, Any]]", request.args)
    budget = generation_budget(options, model.max_gen_toks)
    if budget >= model.max_length:
        raise HarnessError(
            f"Task {request.task_name!r} generates up to {budget} tokens, and the model's context "
            f"has {model.max_length}: no token of a prompt has room. Use a model with a longer "
            "context, or lower `max_gen_toks` in the task's generation_kwargs."
        )
    return model.max_length - budget
