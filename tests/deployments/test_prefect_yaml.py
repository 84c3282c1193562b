from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.exceptions import ParameterTypeError
from prefect.flows import Flow, load_flow_from_entrypoint

import deployments

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(deployments.__path__[0]) / "prefect.yaml").read_text(encoding="utf-8")
)["deployments"]


def load(deployment: dict[str, Any]) -> Flow[Any, Any]:
    return load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)


CONTRACTED = {
    "flows.poll_flow:poll_requests": "poll-requests/scheduled",
    "flows.evaluate_flow:evaluate_model": "evaluate-model/evaluate-model",
    "flows.board_flow:build_board": "build-board/build-board",
    "flows.reconcile_flow:reconcile": "reconcile/scheduled",
    "flows.action_flows:requeue": "requeue/requeue",
    "flows.action_flows:cancel": "cancel/cancel",
    "flows.action_flows:prioritise": "prioritise/prioritise",
}
"""Name of the deployment, by entrypoint."""


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["entrypoint"])
def test_entrypoint_loads_and_is_known_by_the_contracted_name(deployment: dict[str, Any]) -> None:
    name = f"{load(deployment).name}/{deployment['name']}"
    assert name == CONTRACTED[deployment["entrypoint"]]


def test_every_flow_is_deployed_once() -> None:
    assert sorted(d["entrypoint"] for d in DEPLOYMENTS) == sorted(CONTRACTED)


def test_poll_is_scheduled_and_never_runs_twice_at_a_time() -> None:
    (poll,) = [d for d in DEPLOYMENTS if "poll" in d["entrypoint"]]
    assert poll["schedules"]
    assert poll["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_parameters_of_a_manual_run_validate_and_explain_themselves() -> None:
    (evaluate,) = [d for d in DEPLOYMENTS if "evaluate" in d["entrypoint"]]
    flow = load(evaluate)
    validated = flow.validate_parameters({"request": {"model": "org/model"}})
    assert validated["request"].precision is None
    form = flow.parameters.model_dump()["definitions"]
    fields = form["EvaluationRequest"]["properties"]
    assert all(field.get("description") for field in fields.values())
    assert "bfloat16" in form["Precision"]["enum"]
    with pytest.raises(ParameterTypeError, match="precision"):
        flow.validate_parameters({"request": {"model": "org/model", "precision": "int3"}})
