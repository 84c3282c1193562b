"""A queue in a local store, and one good model; `test_polling` has settings of its own.

The checks that need transformers are left out for speed.
"""

import sys
from pathlib import Path

import pytest

from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import RequestQueue
from tests.model_folders import write_model


@pytest.fixture(autouse=True)
def _without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path / "home", "models": tmp_path / "models", "offline": True}
    )


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models" / "org" / "model")


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)
