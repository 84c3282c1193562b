"""`infra/kubernetes` against the schemas of Kubernetes, and the names of charts and of KubeRay.

Helm and KubeRay cannot run here. The names that our files use from both are listed below, as their documentation
has them. Whatever a pod is made of is checked as a pod of Kubernetes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import kubernetes_validate
import pytest
import yaml

from evalboard.settings import PREFIX, Settings
from tests.deployments.composed import FILE

FOLDER = FILE.parent / "kubernetes"
VERSION = kubernetes_validate.latest_version()
NAMES = {
    # https://github.com/PrefectHQ/prefect-helm, charts/prefect-server
    "prefect-server": """
        global.prefect.image.prefectTag global.prefect.image.repository
        server.args server.command server.containerSecurityContext server.env server.extraEnvVarsSecret
        server.podSecurityContext server.updateStrategy.type
        externalDatabase.connectionStringSecretKey externalDatabase.existingSecret postgresql.enabled
    """,
    # charts/prefect-worker there
    "prefect-worker": """
        worker.image.prefectTag worker.image.repository worker.config.type worker.config.workPool
        worker.apiConfig worker.selfHostedServerApiConfig.apiUrl
        worker.args worker.command worker.containerSecurityContext worker.podSecurityContext
        worker.extraEnvVars worker.extraEnvVarsCM worker.extraEnvVarsSecret
        worker.extraVolumeMounts worker.extraVolumes worker.resources
    """,
    # https://ray-project.github.io/kuberay/reference/api, of ray.io/v1
    "raycluster": """
        spec.rayVersion spec.authOptions.mode spec.authOptions.secretName
        spec.headGroupSpec.rayStartParams spec.headGroupSpec.template
        spec.workerGroupSpecs.groupName spec.workerGroupSpecs.rayStartParams
        spec.workerGroupSpecs.replicas spec.workerGroupSpecs.minReplicas
        spec.workerGroupSpecs.maxReplicas spec.workerGroupSpecs.template
    """,
}
"""Names that a chart or the operator reads. It ignores others without a word."""
CHARTS = ("prefect-server", "prefect-worker")


def read(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))


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
    assert list(_unknown(values, NAMES[chart].split())) == []
    given = values[chart.removeprefix("prefect-")]
    names = {"env": "extraEnvVars", "volumeMounts": "extraVolumeMounts"}
    names |= {"securityContext": "containerSecurityContext"}
    names |= {name: name for name in ("args", "command", "env", "resources") if name in given}
    container = {name: given[value] for name, value in names.items() if value in given}
    spec = {
        "securityContext": given["podSecurityContext"],
        "containers": [{"name": "container", "image": "image"} | container],
        "volumes": given.get("extraVolumes", []),
    }
    check_pod({"spec": spec})


def test_the_ray_cluster_is_one_of_kuberay() -> None:
    described = {"spec": CLUSTER["spec"]}
    assert list(_unknown(described, NAMES["raycluster"].split())) == []
    for group in [CLUSTER["spec"]["headGroupSpec"], *CLUSTER["spec"]["workerGroupSpecs"]]:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        check_pod(group["template"])


def test_a_name_that_a_chart_does_not_know_is_found() -> None:
    values = {"server": {"env": [], "extraEnv": []}, "postgresql": {"enabled": False}, "x": 1}
    assert list(_unknown(values, NAMES["prefect-server"].split())) == ["server.extraEnv", "x"]


def check_pod(template: dict[str, Any]) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **template}
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


def _unknown(node: Any, known: Sequence[str], path: str = "") -> Iterator[str]:
    """Yield the names in a document that are not known, nor a part of what is."""
    for key, value in node.items():
        name = f"{path}{key}"
        if name not in known:
            parts = value if isinstance(value, list) else [value]
            if not any(one.startswith(f"{name}.") for one in known):
                yield name
            else:
                for part in parts:
                    yield from _unknown(part, known, f"{name}.")


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
