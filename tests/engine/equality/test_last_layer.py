"""The last layer's feed-forward network sees the positions that are read, and no others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.equality.lm_requests import CORNERS, OPENING, answers, assert_equal, instances
from tests.engine.equality.small_models import ARCHITECTURES

pytestmark = pytest.mark.filterwarnings("default")

LAYERS = 2
FIRST_PARTS = {"mlp.gate_up_proj", "mlp.c_fc", "block_sparse_moe.gate"}
"""What a feed-forward network calls first: its own `forward` is what is replaced."""
CONTEXTS = 3
LETTERS = [
    (f"{OPENING * length}Answer:", letter)
    for length in range(1, CONTEXTS + 1)
    for letter in (" B", " C", " D")
]
"""Every choice is one token."""


@contextmanager
def rows_by_layer(model: Any) -> Iterator[list[int]]:
    """Yield how many rows each layer's feed-forward network computes meanwhile."""
    rows = [0] * LAYERS
    watched: list[Any] = []

    def watch(whole: torch.nn.Module) -> None:
        for name, part in whole.named_modules():
            path = name.split(".")
            if ".".join(path[-2:]) in FIRST_PARTS:
                layer = int(path[-3])

                def count(_: object, given: tuple[torch.Tensor, ...], layer: int = layer) -> None:
                    rows[layer] += len(given[0])

                watched.append(part.register_forward_pre_hook(count))

    model.model.apply_model(watch)
    assert len(watched) == LAYERS
    yield rows
    for hook in watched:
        hook.remove()


@pytest.mark.parametrize(
    "architecture",
    [
        pytest.param(name, marks=() if name == "llama" else pytest.mark.slow)
        for name in ARCHITECTURES
    ],
)
def test_choices_of_one_token_read_one_position_of_a_context(
    architecture: str,
    model_folder: Callable[[str, str], Path],
    load_vllm: Callable[..., Any],
) -> None:
    from evalboard.engine.vllm_model import LmEvalVLLM

    model = load_vllm(model_folder(architecture, "byte-level"))
    requests = instances(LETTERS)
    with rows_by_layer(model) as rows:
        found = answers(model, requests)
    assert rows[0] > 20 * CONTEXTS
    assert rows[1] == CONTEXTS
    with rows_by_layer(model) as rows:
        expected = LmEvalVLLM.loglikelihood(model, requests, disable_tqdm=True)
    assert rows[1] == rows[0]
    assert_equal(found, expected, architecture)


def test_prompts_that_are_read_are_computed_whole_and_apart_from_the_others(
    model_folder: Callable[[str, str], Path], load_vllm: Callable[..., Any]
) -> None:
    model = load_vllm(model_folder("llama", "byte-level"))
    with rows_by_layer(model) as letters:
        answers(model, instances(LETTERS))
    with rows_by_layer(model) as rows:
        answers(model, instances([*CORNERS["one choice"], *LETTERS]))
    assert rows[0] > letters[0]
    assert rows[1] - CONTEXTS == rows[0] - letters[0]
