"""`infra/kubernetes` against schemas: Kubernetes' own, of the Prefect charts, and of a RayCluster.

The schemas of the charts are theirs as a whole. That of KubeRay has 20,000 lines, most of them about pods:
`raycluster.json` is what is left of it without these, and the pods are checked as pods.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from evalboard.settings import PREFIX, Settings
from tests.deployments.composed import FILE

FOLDER = FILE.parent / "kubernetes"
SCHEMAS = Path(__file__).parent / "schemas"
VERSION = kubernetes_validate.latest_version()
CHARTS = ("prefect-server", "prefect-worker")


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


def schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


OBJECTS = [
    one
    for file in sorted(FOLDER.glob("*.yaml"))
    if not file.name.endswith(".values.yaml")
    for one in read(file.name)
]
(CLUSTER,) = [one for one in OBJECTS if one["kind"] == "RayCluster"]


def name_of(one: dict[str, Any]) -> str:
    return f"{one['kind']}-{one['metadata']['name']}"


@pytest.mark.parametrize("one", [one for one in OBJECTS if one is not CLUSTER], ids=name_of)
def test_objects_are_those_of_kubernetes(one: dict[str, Any]) -> None:
    kubernetes_validate.validate(one, VERSION, strict=True)


@pytest.mark.parametrize("chart", CHARTS)
def test_values_are_those_of_the_official_charts(chart: str) -> None:
    (values,) = read(f"{chart}.values.yaml")
    jsonschema.Draft7Validator(schema(f"{chart}.json")).validate(values)


def test_the_ray_cluster_is_one_of_kuberay() -> None:
    jsonschema.Draft7Validator(schema("raycluster.json")).validate(CLUSTER)
    groups = [CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"]]
    for group in groups:
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group["template"]}
        kubernetes_validate.validate(pod, VERSION, strict=True)


def test_every_setting_exists() -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    documents = [*OBJECTS, *(read(f"{chart}.values.yaml")[0] for chart in CHARTS)]
    named = {name for one in documents for name in _names(one) if name.startswith(PREFIX)}
    assert named - known == set()
    assert named


def test_what_is_mounted_or_read_is_defined() -> None:
    defined = {(one["kind"], one["metadata"]["name"]) for one in OBJECTS}
    kinds = {"configMapRef": "ConfigMap", "secretRef": "Secret", "secretKeyRef": "Secret"}
    for one in OBJECTS:
        for key, value in _items(one):
            if key in kinds:
                assert (kinds[key], value["name"]) in defined
            if key == "claimName":
                assert ("PersistentVolumeClaim", value) in defined


def _names(node: Any) -> Iterator[str]:
    """Yield the names of environment variables: keys of a map, and `name` of a list's entries."""
    for key, value in _items(node):
        yield key
        if key == "name":
            yield value


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from _items(value)
    elif isinstance(node, list):
        for one in node:
            yield from _items(one)
