"""Which models differ only in the values of their weights."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from evalboard.engine.loading.likeness import find_likeness
from evalboard.engine.spec import EngineLimits
from tests.engine_specs import engine_spec

SIZE = (4, 2)
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "_name_or_path": "one",
    "transformers_version": "5.0",
    "rope_theta": 10_000.0,
    "tie_word_embeddings": False,
}
Likeness = Callable[..., str]


@pytest.fixture
def likeness(tmp_path: Path) -> Likeness:
    """Write a model, as another one but for some changes, and return its likeness."""
    count = iter(range(100))

    def of(
        *,
        value: float = 0.0,
        config: dict[str, Any] | None = None,
        tensors: dict[str, Any] | None = None,
        files: dict[str, str] | None = None,
        **spec: Any,
    ) -> str:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(CONFIG | (config or {})), encoding="utf-8")
        plain = {"tokenizer.json": "{}", "chat_template.jinja": "a", "README.md": folder.name}
        for name, text in (plain | (files or {})).items():
            (folder / name).write_text(text, encoding="utf-8")
        names = ("model.embed_tokens.weight", "lm_head.weight")
        weights: dict[str, Any] = {name: np.full(SIZE, value, "float32") for name in names}
        whole = {
            name: part for name, part in (weights | (tensors or {})).items() if part is not None
        }
        save_file(whole, folder / "model.safetensors")
        changes: dict[str, Any] = {"backend": "vllm"} | spec
        return find_likeness(engine_spec(tmp_path, **changes), folder)

    return of


def test_values_names_and_cards_make_no_difference(likeness: Likeness) -> None:
    first = likeness()
    assert first
    assert likeness(value=1.0) == first
    assert likeness(config={"_name_or_path": "two", "transformers_version": "4.9"}) == first
    assert likeness(files={"LICENSE": "other"}) == first
    assert likeness(model="test/other", revision="1" * 40, name="other") == first


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"rope_theta": 5.0}},
        {"config": {"more": 1}},
        {"files": {"tokenizer.json": "{} "}},
        {"files": {"chat_template.jinja": "b"}},
        {"files": {"generation_config.json": "{}"}},
        {"tensors": {"model.embed_tokens.weight": None}},
        {"tensors": {"lm_head.weight": np.zeros((2, 4), "float32")}},
        {"tensors": {"lm_head.weight": np.zeros(SIZE, "float16")}},
        {"precision": "float16"},
        {"use_chat_template": True},
        {"num_fewshot": 1},
        {"limit": 1},
        {"limits": EngineLimits(max_num_seqs=1)},
        {"limits": EngineLimits(max_length=2048)},
        {"settings": {"max_model_length": 512}},
        {"settings": {"check_finite": True}},
    ],
    ids=str,
)
def test_all_else_makes_a_difference(likeness: Likeness, changes: dict[str, Any]) -> None:
    other = likeness(**changes)
    assert other
    assert other != likeness()


@pytest.mark.parametrize(
    "changes",
    [
        {"backend": "hf"},
        {"weight_type": "Adapter", "base_model": "test/base"},
        {"weight_type": "Delta", "base_model": "test/base"},
        {"precision": "8bit"},
        {"precision": "prequantised"},
        {"config": {"quantization_config": {"quant_method": "gptq"}}},
        {"config": {"tie_word_embeddings": True}},
        {"config": {"text_config": {"tie_word_embeddings": True}}},
        {"tensors": {"lm_head.weight": None}},
        {"limits": EngineLimits(tensor_parallel=2)},
        {"limits": EngineLimits(resource="nothing")},
    ],
    ids=str,
)
def test_what_is_doubtful_has_no_likeness(likeness: Likeness, changes: dict[str, Any]) -> None:
    assert likeness(**changes) == ""
