"""The tutorial's commands on the board of the demo."""

import re
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.cli.demo import demo_settings
from evalboard.settings import load_settings
from tests.docs.documented import ROOT, blocks_of, words_of


def test_the_tutorial_looks_at_the_board_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the demo's suite and folder, and nothing in it yet but an empty board."""
    monkeypatch.chdir(tmp_path)
    (block,) = (b for b in blocks_of(ROOT / "docs" / "tutorial.md") if "board show" in b.content)
    for name, value in re.findall(r"\b(EVALBOARD_\w+)=(\S+)", block.content):
        monkeypatch.setenv(name, value)
    home = demo_settings(load_settings(), Path("evalboard-demo"))
    assert (load_settings().home.resolve(), load_settings().suite) == (home.home, home.suite)
    assert main(["board", "build"]) == 0
    for command in block.commands[2:]:
        assert main(words_of(command)[1:]) == 0, command
