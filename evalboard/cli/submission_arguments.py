"""Submissions, made from the arguments of several verbs."""

import argparse
from typing import Any

from pydantic import ValidationError

from evalboard.errors import ConfigError
from evalboard.intake.submission import Submission


def submission_fields(arguments: argparse.Namespace, *, sender: str) -> dict[str, Any]:
    """Return the fields of a `Submission`, or of a model derived from it."""
    given = vars(arguments)
    fields = {name: given[name] for name in Submission.model_fields if name in given}
    return fields | {"sender": sender if arguments.sender is None else arguments.sender}


def make(kind: type[Submission], fields: dict[str, Any]) -> Any:
    """Build a submission, or report the wrong argument in one line."""
    try:
        return kind.model_validate(fields)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{name} {first['input']!r}: {first['msg']}.") from exc
