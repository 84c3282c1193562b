"""Delete or break any one file of a good repository: the report names that file."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

from .corpus.material import write_model

FILES = (
    "README.md",
    "chat_template.jinja",
    "config.json",
    "generation_config.json",
    "model-00001-of-00003.safetensors",
    "model-00002-of-00003.safetensors",
    "model-00003-of-00003.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
NOT_LOADED = ("README.md", *(name for name in FILES if "safetensors" in name))
NOT_MISSED = ("generation_config.json", "tokenizer_config.json")
"""Files that a model can do without: naming them is all that the report does."""


def delete(path: Path) -> None:
    path.unlink()


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def fill_with_noise(path: Path) -> None:
    path.write_bytes(b"\xff\x00{%" * (path.stat().st_size // 4 + 1))


def make_a_pointer(path: Path) -> None:
    """What a clone without git-lfs has in place of a file."""
    size = path.stat().st_size
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {size}\n"
    path.write_text(text, encoding="utf-8")


def lead_outside(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


BREAKING = (delete, cut_in_half, empty, fill_with_noise, make_a_pointer, lead_outside)
USUAL = (delete, cut_in_half, make_a_pointer)
"""Tried on every file each time. The others are read the same way, and run in `make test-all`."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A mixture of experts in three files."""
    folder = tmp_path_factory.mktemp("good")
    write_model(folder, "mixtral", shard_size="35KB")
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    return folder


@pytest.mark.parametrize(
    "break_file",
    [
        pytest.param(
            breaking, id=breaking.__name__, marks=() if breaking in USUAL else pytest.mark.slow
        )
        for breaking in BREAKING
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_the_report_names_the_file(
    name: str,
    break_file: Callable[[Path], None],
    good: Path,
    tmp_path: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name in NOT_LOADED and break_file is not cut_in_half:
        # All checks run, and what they would load is loaded once for each of these files.
        monkeypatch.setitem(sys.modules, "transformers", None)
    folder = tmp_path / "models" / "org" / "model"
    shutil.copytree(good, folder)
    break_file(folder / name)
    report = validate(Subject(model="org/model", use_chat_template=True), settings)
    named = report.findings if name in NOT_MISSED and break_file is delete else report.errors
    assert any(name in f"{finding.where} {finding.message}" for finding in named), named
