"""What is too long for a model is cut where transformers cuts it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.equality.lm_requests import OPENING, answers, assert_equal, instances
from tests.engine.equality.small_models import MAX_LENGTH

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def scaled(model_folder: Callable[[str, str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that gives a copy of a small Llama other positions."""

    def make(**positions: Any) -> Path:
        folder = model_folder("llama", "byte-level")
        for file in folder.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        config = json.loads((folder / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(config | positions))
        return tmp_path

    return make


def test_a_model_reads_as_much_as_in_transformers(
    model_folder: Callable[[str, str], Path], load_vllm: Callable[..., Any]
) -> None:
    """The context ends exactly with the model, or one token or two after."""
    folder = model_folder("llama", "byte-level")
    model = load_vllm(folder, max_model_len=64)
    assert model.max_length == 64
    text = OPENING * 8
    tokens = model.tok_encode(text)
    contexts = [model.tokenizer.decode(tokens[1:length]) for length in range(58, 70)]
    choices = [" A", " B", " a muscle", " the nerve of it"]
    requests = instances([(context, choice) for context in contexts for choice in choices])
    assert_equal(answers(model, requests), plain(folder, model, requests, 64), "transformers")


def plain(folder: Path, model: Any, requests: Any, length: int) -> list[tuple[float, bool]]:
    """Return what transformers alone says: every request is read as far as the model is long."""
    import torch
    from transformers import AutoModelForCausalLM

    reference = AutoModelForCausalLM.from_pretrained(folder)
    found: list[tuple[float, bool]] = []
    for request in requests:
        context, choice = model.tok_encode(list(request.args))
        whole = model.tok_encode("".join(request.args))
        count = len(whole) - len(context)
        read = torch.tensor([whole[-length - 1 :]])
        with torch.inference_mode():
            rows = reference(read[:, :-1]).logits[0].log_softmax(-1)[-count:]
        tokens = read[0, -count:]
        logprob = rows.gather(-1, tokens[:, None]).sum()
        found.append((float(logprob), bool((rows.argmax(-1) == tokens).all())))
    return found


def test_dynamic_scaling_does_not_go_beyond_the_table_of_positions(
    scaled: Callable[..., Path], load_vllm: Callable[..., Any], load_hf: Callable[..., Any]
) -> None:
    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    folder = scaled(rope_parameters=rope, max_position_embeddings=128)
    model = load_vllm(folder)
    assert model.max_length == 128
    requests = instances([(OPENING * n, " a muscle") for n in (1, 4, 12)])
    expected = load_hf(folder, 128).loglikelihood(requests, disable_tqdm=True)
    assert_equal(answers(model, requests), expected, "transformers")


@pytest.mark.parametrize(
    ("positions", "read", "engine"),
    [
        ({}, MAX_LENGTH, MAX_LENGTH + 1),
        (
            {
                "original_max_position_embeddings": 512,
                "rope_parameters": {
                    "rope_type": "longrope",
                    "rope_theta": 10000.0,
                    "long_factor": [2.0] * 16,
                    "short_factor": [1.0] * 16,
                    "original_max_position_embeddings": 512,
                },
            },
            511,
            512,
        ),
    ],
    ids=["rotary", "longrope"],
)
def test_vllm_is_told_what_leaves_the_positions_as_they_are(
    positions: dict[str, Any], read: int, engine: int, scaled: Callable[..., Path]
) -> None:
    from evalboard.engine.vllm_lengths import find_lengths

    assert find_lengths(str(scaled(**positions)), None) == (read, engine)


def test_learned_positions_are_never_exceeded(model_folder: Callable[[str, str], Path]) -> None:
    from evalboard.engine.vllm_lengths import find_lengths

    folder = model_folder("gpt2", "no-bos")
    assert find_lengths(str(folder), None) == (MAX_LENGTH - 1, MAX_LENGTH)
