"""Attempts at adapters and deltas, and at what only one backend can run."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalboard.attempt.closing import reproduce_command
from evalboard.attempt.opening import open_attempt, open_trial
from evalboard.demo.models import make_random_model
from evalboard.intake.submission import EvaluationRequest
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.repositories import find_repository
from evalboard.settings import Settings

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for number, name in enumerate(("base", "delta")):
        make_random_model(folder / "test" / name, seed=number)
    return folder


@pytest.fixture
def settings(models: Path, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {"home": tmp_path, "models": models, "offline": True, "suite": "demo"}
    )


def request(**changes: Any) -> EvaluationRequest:
    fields = {
        "model": "test/delta",
        "precision": Precision.FLOAT32,
        "weight_type": WeightType.DELTA,
        "base_model": "test/base",
    }
    return EvaluationRequest.model_validate(fields | changes)


def test_the_bases_commit_travels_from_the_request_to_the_engine(settings: Settings) -> None:
    attempt = open_attempt(request(), settings, run_id="one", run_url="", now=NOW)
    revision = find_repository("test/base", "main", settings).revision
    assert attempt.record.evalboard.base_revision == revision
    assert attempt.engine.base_revision == revision
    words = shlex.split(reproduce_command(attempt))
    assert words[words.index("--base-model") + 1] == "test/base"
    assert words[words.index("--base-revision") + 1] == revision
    assert words[words.index("--weight-type") + 1] == "Delta"


def test_whole_weights_need_none_of_it(settings: Settings) -> None:
    whole = request(model="test/base", weight_type=WeightType.ORIGINAL)
    attempt = open_trial(whole, settings, run_id="one", now=NOW)
    assert attempt.engine.base_revision == ""
    assert "--base" not in reproduce_command(attempt)


def test_folders_are_found_again_by_the_engine(settings: Settings, models: Path) -> None:
    folders = request(model=str(models / "test/delta"), base_model=str(models / "test/base"))
    attempt = open_trial(folders, settings, run_id="one", now=NOW, allow_paths=True)
    assert (attempt.record.model, attempt.record.base_model) == ("local/delta", "local/base")
    assert attempt.engine.folder == models / "test" / "delta"
    assert attempt.engine.base_folder == models / "test" / "base"
    assert str(models / "test" / "base") in reproduce_command(attempt)


@pytest.mark.parametrize(
    ("precision", "backend"), [("8bit", "hf"), ("4bit", "hf"), ("float16", "vllm")]
)
def test_bitsandbytes_runs_on_the_backend_that_has_it(
    precision: str, backend: str, settings: Settings
) -> None:
    attempt = open_trial(request(precision=precision), settings, run_id="one", now=NOW)
    assert settings.backend == "vllm"
    assert attempt.engine.backend == backend
    assert f"--backend {backend}" in reproduce_command(attempt)
