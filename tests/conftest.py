"""What all tests share: an environment without this machine's settings, and the real questions."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

REAL_DATASETS = os.environ.get("EVALBOARD_DATASETS")
_NAMES = {"HF_ENDPOINT", "HF_TOKEN", "PREFECT_API_URL", "RAY_ADDRESS"}
_caches = tempfile.TemporaryDirectory(prefix="evalboard-tests-")


def _forget_settings() -> None:
    for name in list(os.environ):
        if name.upper().startswith("EVALBOARD_") or name.upper() in _NAMES:
            del os.environ[name]


# Now, not in a fixture: the libraries read these when they are imported.
_forget_settings()
os.environ["HF_HOME"] = f"{_caches.name}/huggingface"
os.environ["PREFECT_HOME"] = f"{_caches.name}/prefect"
os.environ["HF_HUB_OFFLINE"] = "1"

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_unconfigure() -> None:
    _caches.cleanup()


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Let no setting that a test makes reach the next one."""
    yield
    _forget_settings()


@pytest.fixture(scope="session")
def real_datasets() -> Path:
    """The folder with the real questions, which is no part of the project."""
    if not REAL_DATASETS:
        pytest.skip("EVALBOARD_DATASETS is not set: it names the folder with the real questions")
    folder = Path(REAL_DATASETS).resolve()
    if not folder.is_dir():
        pytest.skip(f"EVALBOARD_DATASETS={REAL_DATASETS!r} is no folder with the real questions")
    return folder
