"""Names of runs: a stranger's text is no template of Prefect."""

import pytest
from prefect import task
from prefect._internal.engine import resolve_custom_flow_run_name, resolve_custom_task_run_name

from evalboard.intake.submission import EvaluationRequest
from evalboard_prefect.flows.evaluate_flow import evaluate_model
from evalboard_prefect.tasks.names import MAX_NAME_CHARACTERS, named

STRANGE = [
    "b/brace{x}.json",
    "{}",
    "{0}",
    "{path.__class__}",
    "}{",
    "{{x}}",
    "%s%(x)d",
    "{path!r:>9999}",
]


@task
def check(path: str) -> str:
    return path


@pytest.mark.parametrize("text", STRANGE)
def test_braces_in_a_strangers_text_are_no_fields(text: str) -> None:
    renamed = check.with_options(task_run_name=named(f"Check · {text}"))
    assert resolve_custom_task_run_name(renamed, {"path": text}) == f"Check · {text}"
    request = EvaluationRequest(model=text)
    assert resolve_custom_flow_run_name(evaluate_model, {"request": request}) == text


def test_a_name_is_one_short_line() -> None:
    name = named("a\nb\x1b[31m\u202e" + "x" * 10_000)()
    assert name.isprintable()
    assert len(name) == MAX_NAME_CHARACTERS
