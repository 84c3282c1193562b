"""The wheel, installed beside strangers' packages of the names that our folders have."""

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient

from evalboard.services import Services, address_of, listen
from evalboard.suites.loader import shipped_suites
from evalboard_prefect import deployments
from evalboard_prefect.deployments.deploying import declared_deployments

REPOSITORY = Path(__file__).parent.parent
LOADING = """
import importlib, sys
for name in sys.argv[1:]:
    print(importlib.import_module(name).__file__)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    subprocess.run([*build, "--directory", str(folder)], cwd=REPOSITORY, check=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True)
    return folder


def test_the_wheel_contains_no_name_of_other_projects(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
    packages = {name for name in names if not name.endswith(".dist-info")}
    assert packages == {"evalboard", "evalboard_prefect", "leaderboard_app"}


@pytest.mark.slow
def test_installed_flows_load_in_a_folder_of_another_project(
    installed: Path, tmp_path: Path
) -> None:
    for name in ("flows", "tasks", "deployments"):
        (tmp_path / f"{name}.py").write_text("raise ImportError(__name__)\n", encoding="utf-8")
    declared = yaml.safe_load(
        (installed / "evalboard_prefect/deployments/prefect.yaml").read_text(encoding="utf-8")
    )
    entrypoints = {one["entrypoint"].rpartition(".")[0] for one in declared["deployments"]}
    modules = [*sorted(entrypoints), f"{deployments.__name__}.server"]
    loaded = subprocess.run(
        [sys.executable, "-c", LOADING, *modules],
        cwd=tmp_path,
        env={"PYTHONPATH": str(installed), "PREFECT_HOME": str(tmp_path / "prefect")},
        check=True,
        capture_output=True,
        text=True,
    )
    files = [Path(line) for line in loaded.stdout.splitlines()]
    assert len(files) == len(modules)
    assert all(file.is_relative_to(installed) for file in files)


@pytest.mark.parametrize("name", ["flows", "tasks", "deployments"])
def test_the_checkout_has_the_same_modules_under_the_same_name(installed: Path, name: str) -> None:
    ours, theirs = (
        {
            file.relative_to(folder).as_posix()
            for file in folder.rglob("*.*")
            if "__py" not in str(file)
        }
        for folder in (REPOSITORY / name, installed / "evalboard_prefect" / name)
    )
    assert ours == theirs
    assert (REPOSITORY / "evalboard_prefect" / name).resolve() == REPOSITORY / name


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an environment with the wheel, and with the dependencies of this one."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    install = ["install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run([*pip, *install], check=True)
    (packages,) = folder.glob("lib/*/site-packages")
    # The .pth file of our own editable installation is not read there.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder


@pytest.fixture
def evalboard(environment: Path, tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the installed program, and returns what it says."""

    def run(*words: str, **variables: str) -> str:
        done = subprocess.run(
            [environment / "bin" / "evalboard", *words],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), **variables},
            check=True,
            capture_output=True,
            text=True,
        )
        assert done.stderr == ""
        return done.stdout

    return run


def test_the_installed_program_is_the_wheels(
    environment: Path, evalboard: Callable[..., str], tmp_path: Path
) -> None:
    command = [environment / "bin" / "python", "-c", LOADING, "evalboard"]
    loaded = subprocess.run(command, cwd=tmp_path, env={}, check=True, capture_output=True)
    assert loaded.stdout.startswith(bytes(environment))
    assert "VERB" in evalboard("--help")
    assert evalboard("suite", "list").split() == shipped_suites()
    assert "demo_anatomy" in evalboard("suite", "show", "demo", "--json")
    assert evalboard("status").startswith("There is no queue.")


@pytest.mark.slow
def test_the_installed_program_deploys_to_the_installed_server(
    environment: Path, evalboard: Callable[..., str], tmp_path: Path
) -> None:
    with Services(tmp_path, {"PREFECT_HOME": str(tmp_path / "prefect")}) as services:
        listener = listen("127.0.0.1", 0, setting="EVALBOARD_SERVER")
        api_url = f"{address_of(listener)}/api"
        program = [str(environment / "bin" / "python"), "-m", f"{deployments.__name__}.server"]
        services.start("server", program, listener=listener)
        services.wait_for("server", f"{api_url}/health")
        evalboard("deploy", PREFECT_API_URL=api_url)
        assert evalboard("deploy", PREFECT_API_URL=api_url) == "Everything is deployed already.\n"
        with SyncPrefectClient(api_url) as api:
            names = {deployment.name for deployment in api.read_deployments()}
    assert names == {one["name"] for one in declared_deployments()}
