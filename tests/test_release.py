"""The version, where it is written down."""

import re
import tomllib
from pathlib import Path

import yaml

from evalboard import __version__

ROOT = Path(__file__).parents[1]
IMAGE = re.compile(r"(?:image: \S*evalboard-\w+|prefectTag): ?\"?([\d.]*)")
"""An image of ours in a file of infra/, with the number of the version in its tag."""


def test_the_newest_section_of_the_changelog_has_the_version_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## (\S+) \((?:unreleased|\d{4}-\d{2}-\d{2})\)$", changelog, re.MULTILINE)
    assert newest
    assert newest[1] == project["version"] == __version__
    assert changelog.index("\n## ") == newest.start() - 1


def test_every_image_and_deployment_has_the_version() -> None:
    files = [*(ROOT / "infra").rglob("*.yaml")]
    images = {path.name: IMAGE.findall(path.read_text(encoding="utf-8")) for path in files}
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    assert all(images[name] for name in ("compose.yaml", "ray.yaml", "prefect-worker.values.yaml"))
    assert {tag for tags in images.values() for tag in tags} == {__version__}
    assert {one["version"] for one in deployments} == {__version__}
