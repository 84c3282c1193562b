"""The arguments that describe a submission, shared by several verbs."""

import argparse
from typing import Any

from pydantic import ValidationError

from evalboard.errors import ConfigError
from evalboard.intake.submission import Submission
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType


def add_submission_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe a submission."""
    parser.add_argument(
        "model", help="model on the Hub or in EVALBOARD_MODELS ({org}/{name}), or a folder"
    )
    parser.add_argument("--revision", default="main", help="branch, tag or commit sha")
    parser.add_argument(
        "--precision",
        type=_read_precision,
        metavar="{" + ",".join(Precision) + "}",
        help="default: the precision of the checkpoint",
    )
    parser.add_argument(
        "--weight-type", choices=[str(w) for w in WeightType], default=str(WeightType.ORIGINAL)
    )
    parser.add_argument("--base-model", default="", help="base model of an adapter or delta")
    parser.add_argument("--base-revision", default="main", help="branch, tag or commit sha")
    parser.add_argument(
        "--model-type", choices=[str(t) for t in ModelType], default=str(ModelType.UNKNOWN)
    )
    parser.add_argument(
        "--chat-template",
        dest="use_chat_template",
        action="store_true",
        help="apply the model's chat template to prompts",
    )
    parser.add_argument(
        "--sender", default=None, help="name of the submitter; default: EVALBOARD_SENDER"
    )
    parser.add_argument("--suite", default="", help="default: EVALBOARD_SUITE")


def _read_precision(text: str) -> Precision:
    precision = Precision.parse(text)
    if precision is None:
        raise argparse.ArgumentTypeError(f"{text!r} is unknown; use one of {', '.join(Precision)}")
    return precision


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
