"""Git LFS pointers in the place of any file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.validation.checks import CHECKS, Check

from .conftest import codes
from .stored import write_shards, write_tensors

pytestmark = pytest.mark.usefixtures("without_transformers")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return CHECKS


def make_pointer(path: Path, text: str = POINTER) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format("0" * 64, 5_065_344), encoding="utf-8")


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "tokenizer.json",
        "config.json",
        "README.md",
        "tokenizer_config.json",
        "generation_config.json",
        "chat_template.jinja",
        "additional_chat_templates/tools.jinja",
        "tokenizer.model",
    ],
)
def test_a_pointer_is_called_by_its_name_and_nothing_else_is_said(
    name: str, model: Path, check: Callable[..., Report]
) -> None:
    make_pointer(model / name)
    report = check(use_chat_template=True)
    assert {finding.code for finding in report.errors} == {"lfs_pointer"}
    assert report.errors[0].where == name
    assert "git lfs pull" in report.errors[0].fix


def test_pointers_in_the_place_of_shards_are_one_finding(
    model: Path, check: Callable[..., Report]
) -> None:
    (model / "model.safetensors").unlink()
    for path in write_shards(model, {"a": ("F32", [1])}, {"b": ("F32", [1])}):
        make_pointer(path)
    report = check()
    assert codes(report) == {"lfs_pointer"}
    assert "'model-00001-of-00002.safetensors', 'model-00002-of" in report.errors[0].message


def test_a_pointer_in_the_place_of_the_index(model: Path, check: Callable[..., Report]) -> None:
    (model / "model.safetensors").unlink()
    write_tensors(model / "model-00001-of-00001.safetensors", {"a": ("F32", [1])})
    make_pointer(model / "model.safetensors.index.json")
    assert codes(check()) == {"lfs_pointer"}


def test_pointers_of_the_base_model_are_its_own(
    adapter: Path, base: Path, check: Callable[..., Report]
) -> None:
    make_pointer(base / "model.safetensors")
    make_pointer(adapter / "adapter_config.json")
    report = check(weight_type="Adapter", base_model="org/base")
    found = [finding.message for finding in report.errors if finding.code == "lfs_pointer"]
    assert len(found) == 2
    assert "adapter_config.json" in found[0]
    assert "org/base" in found[1]


def test_an_older_version_of_the_format_is_known(model: Path, check: Callable[..., Report]) -> None:
    make_pointer(
        model / "model.safetensors",
        "version https://git-lfs.github.com/spec/v1.1\next-0-foo sha256:{}\noid sha256:00\nsize {}\n",
    )
    assert codes(check()) == {"lfs_pointer"}


def test_a_text_about_pointers_is_none(model: Path, check: Callable[..., Report]) -> None:
    card = model / "README.md"
    card.write_text(card.read_text(encoding="utf-8") + POINTER, encoding="utf-8")
    assert check().ok
