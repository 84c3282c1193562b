"""Which files a model is loaded from."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer, PreTrainedModel

from .conftest import edit_json, evaluate_on_hf, load_base, reference


def test_config_and_tokenizer_are_had_without_weights(base: Path, open_files: Any) -> None:
    small = open_files("org/base", "Original").small
    assert {path.name for path in small.iterdir()} == {
        "README.md",
        "config.json",
        "generation_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_whole_weights_are_loaded_as_links_to_what_is_checked(base: Path, open_files: Any) -> None:
    for stray in ("consolidated.safetensors", "pytorch_model.bin", "code.py"):
        (base / stray).write_bytes(b"{}")
    folder, adapter = open_files("org/base", "Original").loadable
    assert adapter is None
    assert {path.name for path in folder.iterdir()} == {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    assert all(path.samefile(base / path.name) for path in folder.iterdir())


def test_an_adapter_beside_whole_weights_is_not_put_on_them(
    models: Path, base: Path, make_adapter: Callable[..., Any], open_files: Any
) -> None:
    expected = reference(load_base(base), base)
    make_adapter()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        shutil.copy(models / "org" / "lora" / name, base)
    assert evaluate_on_hf(open_files("org/base", "Original")) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("own", [True, False])
def test_the_tokenizer_is_the_models_own_where_it_has_one(
    own: bool, models: Path, base: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    make_delta()
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = "{{ messages }}"
    if own:
        tokenizer.save_pretrained(models / "org" / "delta")
    edit_json(models / "org" / "delta" / "config.json", max_position_embeddings=77)
    files = open_files("org/delta", "Delta")
    for folder in (files.small, files.loadable.weights):
        loaded = AutoTokenizer.from_pretrained(folder)
        assert loaded.chat_template == ("{{ messages }}" if own else None)
        assert '"max_position_embeddings": 77' in (folder / "config.json").read_text()


def test_an_adapter_has_its_bases_config(
    models: Path, base: Path, make_adapter: Callable[..., Any], open_files: Any
) -> None:
    make_adapter()
    (models / "org" / "lora" / "config.json").write_text("{}", encoding="utf-8")
    edit_json(base / "generation_config.json", do_sample=False, temperature=0.6)
    files = open_files("org/lora", "Adapter")
    assert (files.small / "config.json").read_bytes() == (base / "config.json").read_bytes()
    assert not (files.small / "adapter_config.json").exists()
    written = files.loadable.weights / "generation_config.json"
    assert written.read_bytes() == (base / "generation_config.json").read_bytes()
