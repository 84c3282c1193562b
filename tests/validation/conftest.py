"""A tiny model that passes every check, and copies of it to break."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

CARD = """---
license: apache-2.0
language: en
---
# A tiny model

Random weights, made to test the checks of a leaderboard. It knows nothing, it answers nothing, and
it is of no use for anything else. It is as small as a model can be while its config, tokenizer and
weights still load like those of a real one.
"""


@pytest.fixture(scope="session")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama as `save_pretrained` writes it, with a card."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("good")
    symbols = ["<s>", "</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {symbol: number for number, symbol in enumerate(symbols)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", model_max_length=128
    )
    fast.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    config = LlamaConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        vocab_size=len(vocabulary),
        max_position_embeddings=128,
    )
    torch.manual_seed(0)
    LlamaForCausalLM(config).bfloat16().save_pretrained(folder)
    fast.save_pretrained(folder)
    (folder / "README.md").write_text(CARD, encoding="utf-8")
    return folder


@pytest.fixture
def model(good_model: Path, tmp_path: Path) -> Path:
    """A copy of the good model, found as `org/model`."""
    folder = tmp_path / "models" / "org" / "model"
    shutil.copytree(good_model, folder)
    return folder


@pytest.fixture
def base(good_model: Path, tmp_path: Path) -> Path:
    """Another copy, found as `org/base`."""
    folder = tmp_path / "models" / "org" / "base"
    shutil.copytree(good_model, folder)
    return folder


@pytest.fixture
def adapter(model: Path, base: Path) -> Path:
    """The model's folder turned into that of an adapter on `org/base`, as peft writes it."""
    for path in model.iterdir():
        path.unlink()
    tensor = {"dtype": "F32", "shape": [4, 16], "data_offsets": [0, 256]}
    write_safetensors(model / "adapter_model.safetensors", {"lora_A": tensor}, data_bytes=256)
    (model / "adapter_config.json").write_text(
        json.dumps(
            {
                "peft_type": "LORA",
                "task_type": "CAUSAL_LM",
                "base_model_name_or_path": "org/base",
                "r": 4,
                "lora_alpha": 8,
                "target_modules": ["q_proj"],
                "megatron_config": None,
            }
        ),
        encoding="utf-8",
    )
    card = CARD.replace("license: apache-2.0\n", "")
    (model / "README.md").write_text(card, encoding="utf-8")
    return model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "models": tmp_path / "models", "offline": True}
    )


@pytest.fixture
def check(model: Path, settings: Settings) -> Callable[..., Report]:
    """Validate `org/model`, with whatever is asked for."""

    def run(**asked: Any) -> Report:
        return validate(Subject(model="org/model", **asked), settings)

    return run


@pytest.fixture
def without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act like an installation of the viewer alone, which also makes a test fast."""
    monkeypatch.setitem(sys.modules, "transformers", None)


def codes(report: Report) -> set[str]:
    """Return the codes of the errors and warnings."""
    return {finding.code for finding in report.findings if finding.level != "info"}


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    document = {key: value for key, value in document.items() if value is not None}
    path.write_text(json.dumps(document), encoding="utf-8")


def write_safetensors(path: Path, header: dict[str, Any] | bytes, *, data_bytes: int = 0) -> None:
    """Write a safetensors file with whatever header, and so much data."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + bytes(data_bytes))
