"""Stores in a temporary folder, named by the environment, as for a person at a terminal."""

from pathlib import Path

import pytest

from evalboard.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """What the command line finds in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("EVALBOARD_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("EVALBOARD_OFFLINE", "true")
    monkeypatch.setenv("EVALBOARD_SUITE", "demo")
    return load_settings()
