"""The whole pipeline: real stores, a real Prefect server, a real Ray, real engines, tiny models."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import close_session, constants
from prefect.server.api.server import SubprocessASGIServer
from prefect.settings import get_current_settings
from prefect.testing.utilities import prefect_test_harness

from evalboard.demo.models import make_letter_model, make_random_model
from evalboard.engine.placing import cluster
from evalboard.process_environment import environment_of
from evalboard.services import listen
from evalboard.settings import Settings, load_settings
from evalboard_prefect import deployments
from tests.hub.server import SmallHub, running_hub
from tests.pipeline.questions import SLICE_ROWS, cut
from tests.pipeline.runs import STORES

STARTUP_SECONDS = 600


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


def _start_ours(server: SubprocessASGIServer) -> subprocess.Popen[bytes]:
    """Start the project's server at the port of Prefect's, and wait until it answers."""
    theirs = get_current_settings().to_environment_variables(exclude_unset=True)
    command = [sys.executable, "-m", f"{deployments.__name__}.server", "--only-api"]
    with listen("127.0.0.1", server.port or 0, setting="EVALBOARD_SERVER") as listener:
        number = listener.fileno()
        program = subprocess.Popen(
            [*command, f"--listener={number}"], env={**os.environ, **theirs}, pass_fds=[number]
        )
    httpx.get(f"{server.api_url}/health", timeout=STARTUP_SECONDS).raise_for_status()
    return program


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """Run flows of this process against the server that the project starts, with a database of its own.

    Prefect's own program loses calls and events on a busy machine.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SubprocessASGIServer, "_run_uvicorn_command", _start_ours)
        with prefect_test_harness(server_startup_timeout=STARTUP_SECONDS):
            yield


@pytest.fixture
def shared_server(prefect_server: None) -> str:
    """The API of a server that lasts, for programs that would take seconds to start their own."""
    return str(get_current_settings().api.url)


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
