"""What is done for a model before an engine is there for it."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from evalboard.engine import fitness
from evalboard.engine.hardware import LocalGpus
from evalboard.engine.loading.combining import Combination
from evalboard.engine.placing import preparing
from evalboard.engine.placing.preparing import get_ready, prepare_files
from evalboard.engine.placing.skew import versions_here
from evalboard.engine.spec import EngineSpec
from evalboard.errors import ModelNotFound
from evalboard.repositories import find_repository
from evalboard.settings import Settings
from tests.engine_specs import engine_spec
from tests.model_folders import write_model


class Memory(NamedTuple):
    available: int


@pytest.fixture
def delta(tmp_path: Path) -> EngineSpec:
    """A model whose weights are the sum of two."""
    models = tmp_path / "models"
    for name in ("delta", "base"):
        write_model(models / "org" / name)
    places: dict[str, Any] = {"models": models}
    settings = Settings.model_validate({"home": tmp_path, "offline": True} | places)
    own, base = (find_repository(f"org/{n}", "main", settings).revision for n in ("delta", "base"))
    return engine_spec(
        tmp_path,
        settings=places,
        model="org/delta",
        revision=own,
        weight_type="Delta",
        base_model="org/base",
        base_revision=base,
    )


@pytest.mark.parametrize(
    ("gpus", "available", "times"), [(0, 2**40, 0), (1, 2**40, 1), (1, 2**10, 0)]
)
def test_weights_are_combined_where_a_gpu_leaves_the_memory_free(
    gpus: int, available: int, times: int, delta: EngineSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    combined: list[Combination] = []
    monkeypatch.setattr(preparing, "local_gpus", lambda: LocalGpus(gpus, 2**34))
    monkeypatch.setattr(preparing.psutil, "virtual_memory", lambda: Memory(available))
    # What combines has tests of its own.
    monkeypatch.setattr(preparing, "combine_apart", lambda *asked: combined.append(asked[-1]))
    for _ in range(2):
        prepare_files(delta)
    assert len(combined) == times
    assert all(one.into.is_relative_to(delta.settings.work_folder) for one in combined)


def test_a_machine_without_space_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, versions = engine_spec(tmp_path), versions_here("hf")
    with pytest.raises(ModelNotFound):
        get_ready(spec, versions)
    monkeypatch.setattr(fitness, "LEAST_DISK_BYTES", 2**60)
    monkeypatch.setattr(fitness, "USUAL_DISK_BYTES", 2**60)
    assert "of free space" in get_ready(spec, versions)


def test_a_machine_with_another_version_is_not_ready(tmp_path: Path) -> None:
    versions = versions_here("hf") | {"torch": "1.0"}
    assert "instead of 1.0" in get_ready(engine_spec(tmp_path), versions)
