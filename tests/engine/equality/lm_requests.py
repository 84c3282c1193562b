"""Requests as lm_eval makes them: of real tasks, and made-up ones for every corner."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lm_eval.api.instance import Instance

from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.suites.model import Benchmark

Pair = tuple[str, str]

TOLERANCE = 1e-4

OPENING = "The nerve that supplies the muscle leaves the skull through the foramen ovale. "
CORNERS: dict[str, list[Pair]] = {
    "letters": [("Question: What beats?\nAnswer:", f" {letter}") for letter in "ABCD"],
    "words": [("The heart is", word) for word in (" large", " in the thorax", " a muscle", " A")],
    "a space at the end": [("The heart is ", word) for word in ("large", "small", "A muscle")],
    "spaces at the end": [("The heart \n ", word) for word in ("large", "small")],
    "no context": [("", word) for word in (" The heart", "The heart", " A", "心臓")],
    "the prefix token alone": [("", "<s>The heart"), ("", "</s>The heart")],
    "twice the same": [("The heart is", " A"), ("The heart is", " A"), ("The liver is", " A")],
    "text that joins": [("The hea", word) for word in ("rt", "ven", "d")],
    "many bytes": [
        ("心臓は", "血液"),
        ("心臓は", "犬🐕"),
        ("größ", "er"),
        ("🫀", "🧠"),
        ("🫀", " A"),
    ],
    "one choice": [(OPENING * 3 + "It is", " the largest of the nerves that leave")],
    "one continuation, several contexts": [
        (f"{OPENING * 2}The {organ} is so large that", " it does not fit.")
        for organ in ("heart", "liver", "kidney")
    ],
    "choices that share their beginning": [
        (OPENING * 2, OPENING * 2 + end) for end in ("left", "right", "neither of both")
    ],
    "a choice that is the context of another": [
        (OPENING, OPENING * 3 + " A"),
        (OPENING * 2, OPENING * 2 + " A"),
        (OPENING * 3, OPENING + " A"),
        (OPENING * 3, " A"),
    ],
    "too long": [
        (OPENING * 60, word) for word in (" A", " B", " yes, it does", " no, it does not at all")
    ],
    "the token 0, and more choices in its batch": [
        *(("The heart is", word) for word in ("<s>", "</s>")),
        *(("The liver is", f" {letter}") for letter in "ABCDEFG"),
        ("The kidney is", "<s>"),
    ],
    "begins with BOS": [("<s>The heart is", " A"), ("<s>The heart is", " a muscle")],
}
"""Contexts and continuations, by what is special about them."""


def instances(pairs: Iterable[Pair]) -> list[Instance]:
    """Return log-likelihood requests."""
    return [
        Instance(
            request_type="loglikelihood",
            doc={},
            arguments=pair,
            idx=0,
            metadata=("made-up", number, 1),
        )
        for number, pair in enumerate(pairs)
    ]


def every_length(count: int) -> list[Pair]:
    """Return contexts of many lengths, so that some end where a block of the cache ends."""
    words = (OPENING * 4).split()
    return [
        (" ".join(words[:length]), choice)
        for length in range(1, count)
        for choice in (" A", " B", " the nerve of it", " a muscle")
    ]


def task_instances(
    task: str, datasets: Path, *, shots: int, limit: int, model: Any = None
) -> list[Instance]:
    """Return the requests of a real benchmark; with the chat template of a model when given."""
    benchmark = Benchmark(key=task, title=task, task=task, num_fewshot=shots)
    library = TaskLibrary([benchmark], mirror=datasets, offline=True)
    (loaded,) = library.load(benchmark).tasks
    chat: dict[str, Any] = {}
    if model is not None:
        chat = {
            "apply_chat_template": True,
            "chat_template": model.apply_chat_template,
            "tokenizer_name": model.tokenizer_name,
        }
    loaded.task.build_all_requests(limit=limit, rank=0, world_size=1, **chat)
    return loaded.task.instances


def answers(
    model: Any,
    requests: Sequence[Instance],
    kind: str = "loglikelihood",
    *,
    think_end: str | None = None,
) -> list[Any]:
    """Return what a model's `stream` gives, in the order of the requests."""
    found: dict[int, Any] = {}
    wanted = frozenset(range(len(requests)))
    for part in model.stream(kind, requests, wanted, think_end=think_end):
        for number, answer in part:
            assert number not in found
            found[number] = answer
    return [found[number] for number in range(len(requests))]


def written(model: Any, requests: Sequence[Instance]) -> list[str]:
    """Return the answers that a model writes, in the order of the requests."""
    return [text.answer for text in answers(model, requests, "generate_until")]


SUMMED_STEPS = 4
"""Steps between float32 numbers by which a sum of transformers can be off. lm_eval's class rounds it
after every token, by half a step at most, and the rounding of most tokens cancels out. From -512 on a
step is 6e-5."""


def assert_equal(
    found: Sequence[Any], expected: Sequence[Any], what: str, *, float32_steps: int = 0
) -> None:
    """Assert that log-likelihoods are those expected, and greedy where those are.

    Args:
        found: What is tested.
        expected: From another model class.
        what: Said where they differ.
        float32_steps: Where so many steps between float32 numbers are more than the tolerance, they
            are allowed: for answers of hundreds of tokens that were added up in float32.
    """
    assert len(found) == len(expected)
    for number, ((logprob, greedy), (other, other_greedy)) in enumerate(
        zip(found, expected, strict=True)
    ):
        tolerance = max(TOLERANCE, float32_steps * float(np.spacing(np.float32(abs(other)))))
        assert abs(logprob - other) <= tolerance, (what, number, logprob, other)
        assert greedy == other_greedy, (what, number)
