"""What all tests share: an environment without this machine's settings, and the real questions.

`make test` shares the tests between three workers of pytest-xdist. Whole runs of the pipeline are one
group, and the other tests that start engines as users do are another: two of the workers begin with one
of them. More engines than two at the same time would take each other's memory. These tests wait a lot, so
the third worker is what keeps two cores busy. The other tests follow, a module at a time.
"""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

FORK_SERVER = "EVALBOARD_FORK_SERVER"
"""Variable by which programs find the process whose forks their engines are."""
GROUPS = {
    "pipeline": ("pipeline",),
    "deployments": ("deployments/test_deploying", "deployments/test_events"),
    "engines": (
        "bench/test_measuring",
        "bench/test_queue",
        "engine/equality",
        "engine/loading/test_failures",
    ),
}
"""Beginnings of the paths, under this folder, of tests that stay together, by the group's name."""
_REAL_DATASETS = os.environ.get("EVALBOARD_DATASETS")
_NAMES = {
    "HF_ENDPOINT",
    "HF_TOKEN",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_API_URL",
    "PREFECT_UI_URL",
    "RAY_ADDRESS",
}
_caches = tempfile.TemporaryDirectory(prefix="evalboard-tests-")


def _forget_settings() -> None:
    for name in list(os.environ):
        is_setting = name.upper().startswith("EVALBOARD_") or name.upper() in _NAMES
        if is_setting and name != FORK_SERVER:
            del os.environ[name]


# Now, not in a fixture: the libraries read these when they are imported.
_forget_settings()
os.environ["HF_HOME"] = f"{_caches.name}/huggingface"
os.environ["PREFECT_HOME"] = f"{_caches.name}/prefect"
os.environ["HF_HUB_OFFLINE"] = "1"

settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist what it finds no more in the environment."""
    node.workerinput["real_datasets"] = _REAL_DATASETS


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Share the tests out by group: marks of groups have no effect with this version of pytest."""
    return GroupScheduling(config, log)


class GroupScheduling(LoadScopeScheduling):
    """Keeps the tests of one group on one worker."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid.partition("::")[0].removeprefix("tests/"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups, which take longest."""
    here, order = Path(__file__).parent, list(GROUPS)

    def rank(item: pytest.Item) -> int:
        group = _group(item.path.relative_to(here).as_posix())
        return order.index(group) if group in order else len(order)

    items.sort(key=rank)


def _group(path: str) -> str:
    return next((name for name, begins in GROUPS.items() if path.startswith(begins)), path)


def pytest_unconfigure() -> None:
    _caches.cleanup()


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Let no setting and no handler of a signal that a test makes reach the next one.

    Ray leaves one where a test starts a cluster of several machines. A fork whose handler raises an
    exception can survive the signal.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    _forget_settings()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True, scope="session")
def _forked_engines() -> Iterator[None]:
    """Let the real engines of all tests of a worker import their libraries once."""
    from evalboard.engine.placing.placement import forked_engines
    from evalboard.settings import load_settings

    settings = load_settings().model_copy(update={"home": Path(_caches.name)})
    with forked_engines(settings):
        yield


@pytest.fixture(scope="session")
def real_datasets(request: pytest.FixtureRequest) -> Path:
    """The folder with the real questions, which is no part of the project."""
    named = getattr(request.config, "workerinput", {}).get("real_datasets", _REAL_DATASETS)
    if not named:
        pytest.skip("EVALBOARD_DATASETS is not set: it names the folder with the real questions")
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"EVALBOARD_DATASETS={named!r} is no folder with the real questions")
    return folder


@pytest.fixture(scope="module")
def stand_in_engines() -> Iterator[None]:
    """Let every engine be a `StandInEngine`; what is started of Ray ends with the module."""
    from evalboard.engine.placing import cluster, placement  # most tests need no Ray

    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(FORK_SERVER, raising=False)
        patch.setattr(placement, "MADE_OF", "tests.stand_in_engine")
        yield
    cluster.disconnect()


@pytest.fixture(scope="module")
def forked_stand_ins(
    stand_in_engines: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Let every engine be a `StandInEngine` that is a fork, as under `evalboard up`."""
    from evalboard.engine.placing.placement import forked_engines
    from evalboard.settings import Settings

    with forked_engines(
        Settings.model_validate({"home": tmp_path_factory.mktemp("forks"), "backend": "hf"})
    ):
        yield
