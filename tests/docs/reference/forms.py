"""The forms of the flows in the Prefect UI."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefect.utilities.callables import parameter_schema
from prefect.utilities.importtools import import_object

from evalboard_prefect.deployments.deploying import declared_deployments
from tests.docs.reference.markdown import page, prose, table


def forms_page() -> str:
    """Return the page."""
    sections = [part for one in declared_deployments() for part in _section(one)]
    return page(
        "Forms in Prefect",
        "In the Prefect UI, *Deployments*, a deployment's *Run*, *Custom run*. `evalboard deploy` brings "
        "these deployments to a server.",
        *sections,
    )


def _section(declared: Mapping[str, Any]) -> Iterator[str]:
    flow: Any = import_object(declared["entrypoint"])
    yield f"## {flow.name}/{declared['name']}"
    yield prose(declared["description"])
    if schedules := [_schedule(one) for one in declared.get("schedules", ())]:
        yield f"Runs {' and '.join(schedules)}."
    rows = list(_fields(parameter_schema(flow.fn).model_dump()))
    if rows:
        yield table(("field", "default", "meaning"), rows)


def _schedule(schedule: Mapping[str, Any]) -> str:
    if "interval" in schedule:
        return f"every {schedule['interval']} seconds"
    return f"at `{schedule['cron']}`"


def _fields(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Give field, default and meaning, with the fields of a model instead of the model."""
    definitions = schema.get("definitions") or {}
    for name, field in schema["properties"].items():
        reference = field.get("$ref") or (field.get("allOf") or [{}])[0].get("$ref")
        model = definitions.get(str(reference).rpartition("/")[2], {})
        if "properties" in model:
            yield from _fields({**model, "definitions": definitions})
        else:
            required = name in schema.get("required", ())
            yield f"`{name}`", _default(field, required=required), prose(_meaning(field, model))


def _meaning(field: Mapping[str, Any], model: Mapping[str, Any]) -> str:
    choices = ", ".join(f"`{value}`" for value in model.get("enum", ()))
    return f"{field.get('description', '')}{f' One of {choices}.' if choices else ''}"


def _default(field: Mapping[str, Any], *, required: bool) -> str:
    if required:
        return "required"
    value = field.get("default")
    return "" if value in (None, "", [], ()) else f"`{value}`"
