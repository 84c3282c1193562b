"""Architectures and tokenizers: the fast way against transformers, in every order of requests.

In float32 on a CPU. The differences that were seen stand in `docs/design/scoring.md`.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.equality.lm_requests import (
    CORNERS,
    SUMMED_STEPS,
    answers,
    assert_equal,
    every_length,
    instances,
)
from tests.engine.equality.small_models import ARCHITECTURES, TOKENIZERS

pytestmark = pytest.mark.filterwarnings("default")

USUAL = {
    "llama": "sentence-piece",
    "qwen3": "byte-level",
    "gpt2": "no-bos",
}
"""Tokenizer by architecture: the pairs that are tried every time, with each tokenizer once."""
PAIRS = [
    pytest.param(
        architecture,
        tokenizer,
        id=f"{architecture}-{tokenizer}",
        marks=() if USUAL.get(architecture) == tokenizer else pytest.mark.slow,
    )
    for architecture in ARCHITECTURES
    for tokenizer in TOKENIZERS
]


def test_the_usual_pairs_have_every_tokenizer() -> None:
    assert set(USUAL.values()) == set(TOKENIZERS)


@pytest.mark.parametrize(("architecture", "tokenizer"), PAIRS)
def test_every_architecture_and_tokenizer(
    architecture: str,
    tokenizer: str,
    model_folder: Callable[[str, str], Path],
    load_vllm: Callable[..., Any],
    load_hf: Callable[[Path], Any],
) -> None:
    folder = model_folder(architecture, tokenizer)
    model, reference = load_vllm(folder), load_hf(folder)
    pairs = [pair for corner in CORNERS.values() for pair in corner] + every_length(24)
    requests = instances(pairs)

    assert model.reproducible
    cold = answers(model, requests)
    assert answers(model, requests) == cold

    # Where a continuation adds no token, the answer is certain, and lm_eval's class refuses.
    some = [i for i, (logprob, _) in enumerate(cold) if logprob != 0]
    other = reference.loglikelihood([requests[i] for i in some], disable_tqdm=True)
    assert_equal([cold[i] for i in some], other, "transformers", float32_steps=SUMMED_STEPS)
    expected = cold

    model.reproducible = False  # the cache is kept from call to call, as on a GPU
    assert_equal(answers(model, requests), expected, "warm cache")
    shuffled = random.Random(1).sample(range(len(requests)), len(requests))
    again = answers(model, [requests[i] for i in shuffled])
    assert_equal(again, [expected[i] for i in shuffled], "another order")
    model.model.reset_prefix_cache()
    again = answers(model, [requests[i] for i in shuffled])
    assert_equal(again, [expected[i] for i in shuffled], "another order, cold cache")
