"""A queue in a local store, and one good model; `test_polling` has settings of its own.

The checks that need transformers are left out for speed.
"""

import sys
from pathlib import Path

import pytest

from evalboard.intake import request_files
from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.stores.addresses import open_queue
from evalboard.stores.requests import RequestQueue
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject
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
def every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the checks that are possible here be all that there are."""

    def validated(subject: Subject, settings: Settings) -> Report:
        report = validate(subject, settings)
        made = [f for f in report.findings if f.code != request_files.CHECKED_BY_POLL]
        return report.model_copy(update={"findings": tuple(made)})

    monkeypatch.setattr(request_files, "validate", validated)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "models" / "org" / "model")


@pytest.fixture
def queue(settings: Settings) -> RequestQueue:
    return open_queue(settings)
