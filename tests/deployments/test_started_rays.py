"""No Ray that the project starts reports its usage to the outside, or gives way to other programs."""

import os
from pathlib import Path

import pytest

from evalboard.engine.placing import cluster
from tests.deployments.composed import FILE, PASSWORDS, environment_of

SWITCHES = ("RAY_USAGE_STATS_ENABLED", "RAY_worker_niceness")
"""Variables of Ray that are 0."""
INFRA = FILE.parent
STARTS = ("ray start", "ray symmetric-run", "kind: RayCluster")
STARTING = [
    file
    for file in sorted(INFRA.rglob("*"))
    if file.is_file() and any(start in file.read_text(encoding="utf-8") for start in STARTS)
]


@pytest.mark.parametrize("switch", SWITCHES)
def test_programs_of_the_project_start_one_without(switch: str) -> None:
    assert cluster.ray
    assert os.environ[switch] == "0"


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("service", ["ray", "worker"])
def test_those_of_compose_are_without(service: str, switch: str) -> None:
    assert environment_of(service, PASSWORDS)[switch] == "0"


@pytest.mark.parametrize("switch", SWITCHES)
@pytest.mark.parametrize("file", STARTING, ids=lambda file: file.name)
def test_each_file_that_starts_one_switches_it_off(file: Path, switch: str) -> None:
    text = file.read_text(encoding="utf-8")
    if file.parent.name == "kubernetes":
        assert "extraEnvVarsCM: evalboard" in text or "configMapRef" in text
        text = (file.parent / "settings.yaml").read_text(encoding="utf-8")
    assert f'{switch}: "0"' in text or f"export {switch}=0" in text
