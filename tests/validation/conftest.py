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
from evalboard.validation.checks import CHECKS, Check, validate
from evalboard.validation.subject import Subject
from tests.validation.corpus.material import CARD, edit_json, write_good, write_safetensors

from .stored import write_tensors

__all__ = ["CARD", "edit_json", "write_safetensors"]


@pytest.fixture(scope="session")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama as `save_pretrained` writes it, with a card."""
    folder = tmp_path_factory.mktemp("good")
    write_good(folder)
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
    layer = "base_model.model.model.layers.0.self_attn.q_proj"
    factors = {
        f"{layer}.lora_A.weight": ("F32", [4, 32]),
        f"{layer}.lora_B.weight": ("F32", [32, 4]),
    }
    write_tensors(model / "adapter_model.safetensors", factors)
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
    card = CARD.replace("license: apache-2.0\n", "base_model: org/base\n")
    (model / "README.md").write_text(card, encoding="utf-8")
    return model


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "models": tmp_path / "models", "offline": True}
    )


@pytest.fixture
def checks() -> tuple[Check, ...]:
    """What `check` runs. A module about one check has a fixture of this name that returns it."""
    return CHECKS


@pytest.fixture
def check(model: Path, settings: Settings, checks: tuple[Check, ...]) -> Callable[..., Report]:
    """Validate `org/model`, with whatever is asked for."""

    def run(checks: tuple[Check, ...] = checks, **asked: Any) -> Report:
        return validate(Subject(model="org/model", **asked), settings, checks=checks)

    return run


@pytest.fixture
def without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Act like an installation of the viewer alone, which also makes a test fast."""
    monkeypatch.setitem(sys.modules, "transformers", None)


def codes(report: Report) -> set[str]:
    """Return the codes of the errors and warnings."""
    return {finding.code for finding in report.findings if finding.level != "info"}
