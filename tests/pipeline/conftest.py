"""The whole pipeline: real stores, a real Prefect server, a real Ray, real engines, tiny models."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants
from prefect.settings import PREFECT_API_URL, temporary_settings

from evalboard.demo.models import make_letter_model, make_random_model
from evalboard.engine.placing import cluster
from evalboard.process_environment import environment_of
from evalboard.services import Services
from evalboard.settings import Settings, load_settings
from tests.deployments.serving import environment, start
from tests.hub.server import SmallHub, running_hub
from tests.pipeline.questions import SLICE_ROWS, cut
from tests.pipeline.runs import STORES


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `test/always-a`, `test/random` and `test/pickled`."""
    folder = tmp_path_factory.mktemp("models")
    make_letter_model(folder / "test" / "always-a")
    make_random_model(folder / "test" / "random")
    shutil.copytree(folder / "test" / "random", folder / "test" / "pickled")
    weights = folder / "test" / "pickled" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))
    return folder


@pytest.fixture(scope="session")
def sliced_datasets(
    real_datasets: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], Path]:
    """Return a function that makes a mirror with the first rows of every file, once per number."""
    root = tmp_path_factory.mktemp("slices")

    def of(rows: int) -> Path:
        folder = root / str(rows)
        if not folder.exists():
            cut(real_datasets, folder, rows=rows)
        return folder

    return of


@pytest.fixture
def datasets(
    request: pytest.FixtureRequest, real_datasets: Path, sliced_datasets: Callable[[int], Path]
) -> Path:
    """A mirror with as many first questions of each benchmark as the parameter says, None for all."""
    return sliced_datasets(request.param) if request.param else real_datasets


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The API of the server that the project starts. Prefect's own loses calls on a busy machine."""
    home = tmp_path_factory.mktemp("prefect")
    with Services(home, environment(home)) as services:
        api = f"{start(services)}/api"
        with temporary_settings({PREFECT_API_URL: api}):
            yield api


@pytest.fixture
def shared_server(prefect_server: str) -> str:
    """The API of a server that lasts, for programs that would take seconds to start their own."""
    return prefect_server


@pytest.fixture(scope="session")
def ray() -> Iterator[None]:
    yield
    cluster.disconnect()


@pytest.fixture
def configure(
    models: Path,
    sliced_datasets: Callable[[int], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Settings]:
    """Return a function that puts settings into the environment, where flows read them.

    The questions are slices of the real ones unless `datasets` names others.
    """

    def set_settings(**changes: object) -> Settings:
        settings = load_settings().model_copy(
            update={
                "home": tmp_path / "home",
                "work": tmp_path / "home" / "work",
                "models": models,
                "datasets": sliced_datasets(SLICE_ROWS),
                "offline": True,
                "max_running": 4,
                **changes,
            }
        )
        for name, value in environment_of(settings).items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return set_settings


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallHub]:
    """A Hub with the three empty datasets of a board."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    # For the programs that a test starts.
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    with running_hub() as server:
        for name in STORES:
            server.create(f"org/{name}")
        yield server
        close_session()


@pytest.fixture
def small_suite(tmp_path: Path) -> Path:
    """Return a suite file with three of the real benchmarks, one of them with words as choices."""
    path = tmp_path / "small.yaml"
    path.write_text(
        """
name: small
title: Small
benchmarks:
  - {key: mmlu_anatomy, title: MMLU Anatomy, baseline: 0.25}
  - {key: mmlu_medical_genetics, title: MMLU Medical Genetics, baseline: 0.25}
  - {key: pubmedqa, title: PubMedQA, baseline: 0.3333}
""",
        encoding="utf-8",
    )
    return path
