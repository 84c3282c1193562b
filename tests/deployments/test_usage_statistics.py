"""No Ray that the project starts reports its usage to the outside."""

import os
from pathlib import Path

import pytest

from evalboard.engine.placing import cluster
from tests.deployments.composed import FILE, PASSWORDS, environment_of

REPORTS = "RAY_USAGE_STATS_ENABLED"
INFRA = FILE.parent
STARTS = ("ray start", "ray symmetric-run", "kind: RayCluster")
STARTING = [
    file
    for file in sorted(INFRA.rglob("*"))
    if file.is_file() and any(start in file.read_text(encoding="utf-8") for start in STARTS)
]


def test_programs_of_the_project_start_one_that_does_not_report() -> None:
    assert cluster.ray
    assert os.environ[REPORTS] == "0"


@pytest.mark.parametrize("service", ["ray", "worker"])
def test_those_of_compose_do_not_report(service: str) -> None:
    assert environment_of(service, PASSWORDS)[REPORTS] == "0"


@pytest.mark.parametrize("file", STARTING, ids=lambda file: file.name)
def test_each_file_that_starts_one_says_that_it_does_not_report(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    if file.parent.name == "kubernetes":
        assert "extraEnvVarsCM: evalboard" in text or "configMapRef" in text
        text = (file.parent / "settings.yaml").read_text(encoding="utf-8")
    assert f'{REPORTS}: "0"' in text or f"export {REPORTS}=0" in text
