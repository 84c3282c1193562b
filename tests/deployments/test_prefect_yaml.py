import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from prefect.exceptions import ParameterTypeError
from prefect.flows import Flow, load_flow_from_entrypoint

from evalboard import __version__
from evalboard.records.precision import Precision
from evalboard_prefect import deployments
from evalboard_prefect.flows.action_flows import PrecisionName

DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(deployments.__path__[0]) / "prefect.yaml").read_text(encoding="utf-8")
)["deployments"]


def load(deployment: dict[str, Any]) -> Flow[Any, Any]:
    return load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)


CONTRACTED = {
    "evalboard_prefect.flows.poll_flow.poll_requests": "poll-requests/scheduled",
    "evalboard_prefect.flows.evaluate_flow.evaluate_model": "evaluate-model/evaluate-model",
    "evalboard_prefect.flows.board_flow.build_board": "build-board/build-board",
    "evalboard_prefect.flows.reconcile_flow.reconcile": "reconcile/scheduled",
    "evalboard_prefect.flows.hub_flow.refresh_models": "refresh-models/scheduled",
    "evalboard_prefect.flows.action_flows.requeue": "requeue/requeue",
    "evalboard_prefect.flows.action_flows.cancel": "cancel/cancel",
    "evalboard_prefect.flows.action_flows.prioritise": "prioritise/prioritise",
    "evalboard_prefect.flows.action_flows.backfill": "backfill/backfill",
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
    assert poll["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_parameters_of_a_manual_run_validate_and_explain_themselves() -> None:
    (evaluate,) = [d for d in DEPLOYMENTS if "evaluate" in d["entrypoint"]]
    flow = load(evaluate)
    validated = flow.validate_parameters({"request": {"model": "org/model"}})
    assert validated["request"].precision is None
    form = flow.parameters.model_dump()["definitions"]
    assert "bfloat16" in form["Precision"]["enum"]
    with pytest.raises(ParameterTypeError, match="precision"):
        flow.validate_parameters({"request": {"model": "org/model", "precision": "int3"}})


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["entrypoint"])
def test_every_field_of_a_form_has_help(deployment: dict[str, Any]) -> None:
    form = load(deployment).parameters.model_dump()
    fields = dict(form["properties"])
    if request := form["definitions"].get("EvaluationRequest"):
        fields = request["properties"]
        assert not [name for name, field in fields.items() if "anyOf" in field]  # "type None"
    assert [name for name, field in fields.items() if not field.get("description")] == []


def test_precisions_are_choices_of_the_forms() -> None:
    assert get_args(PrecisionName) == ("any", *Precision)
    for name in ("requeue", "cancel", "prioritise"):
        (declared,) = [d for d in DEPLOYMENTS if d["name"] == name]
        form = load(declared).parameters.model_dump()["properties"]
        assert form["precision"]["enum"] == ["any", *Precision]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["entrypoint"])
def test_every_deployment_says_what_it_is(deployment: dict[str, Any]) -> None:
    assert deployment["version"] == __version__
    assert deployment["description"]
    assert "evalboard" in deployment["tags"]


def test_a_worker_that_prefect_starts_in_the_checkout_ends_cancelled_runs(tmp_path: Path) -> None:
    told = "from prefect.settings import get_current_settings as s; print(s().worker.enable_cancellation)"
    for folder, expected in ((Path(__file__).parents[2], "True\n"), (tmp_path, "False\n")):
        asked = subprocess.run(
            [sys.executable, "-c", told], cwd=folder, check=True, capture_output=True, text=True
        )
        assert asked.stdout == expected
