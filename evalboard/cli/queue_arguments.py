"""The arguments of the verbs that submit, evaluate and manage requests."""

import argparse
from pathlib import Path

from evalboard.backends import BACKENDS
from evalboard.cli.shared_arguments import add_benchmarks, add_suite
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType


def add_submission(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `submit` and `validate`."""
    _describe_submission(parser)
    parser.add_argument(
        "--suite",
        default="",
        metavar="SUITES",
        help="names of suites, separated by commas; default: EVALBOARD_SUITE",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def add_run(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `run`."""
    parser.add_argument("--once", action="store_true", help="stop when the queue is empty")
    parser.add_argument(
        "--limit-requests", type=int, metavar="N", help="stop after this many evaluations"
    )


def add_evaluation(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `evaluate`."""
    _describe_submission(parser)
    parser.add_argument(
        "--suite",
        default="",
        metavar="SUITE",
        help="name of a suite, or its YAML file; default: EVALBOARD_SUITE",
    )
    add_benchmarks(parser)
    parser.add_argument(
        "--limit", type=int, metavar="N", help="ask only the first N questions of each benchmark"
    )
    parser.add_argument(
        "--num-fewshot", type=int, metavar="N", help="number of examples before each question"
    )
    parser.add_argument("--backend", choices=list(BACKENDS), help="default: EVALBOARD_BACKEND")
    parser.add_argument("--json", action="store_true", help="print the result document as JSON")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for the result document and the answers",
    )


def add_status(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `status`."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="show only this model, or the request with this path",
    )
    parser.add_argument("--sender", metavar="NAME", help="show only submissions of this sender")
    parser.add_argument("--json", action="store_true", help="print the entries of queue.json")


def add_requeue(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `requeue`."""
    add_requests(parser, nargs="*")
    parser.add_argument(
        "--outdated",
        action="store_true",
        help="instead: let the rows wait that were measured with other versions of lm-eval or of their "
        "backend than are installed, as far as `evalboard upgrade-check` has not found that they "
        "compare; after all other submissions, the best models first. Names select some of them",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="with --outdated: list the rows and the GPU hours that they cost, and change nothing",
    )


def add_priority(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `prioritise`."""
    parser.add_argument(
        "priority",
        type=_read_priority,
        metavar="PRIORITY",
        help="higher numbers run earlier; the default is 0",
    )
    add_requests(parser)


def add_backfill(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of `backfill`."""
    add_suite(parser)
    add_benchmarks(parser, "benchmark keys that count")
    parser.add_argument(
        "--changed",
        action="store_true",
        help="also replace scores of another version of a benchmark, or on other questions; reads "
        "all questions of the suite",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="list models and benchmarks, and change nothing"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per model")


def add_requests(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
    """Add the arguments that name requests."""
    parser.add_argument(
        "requests", nargs=nargs, metavar="REQUEST", help="name of a model, or path of a request"
    )
    parser.add_argument(
        "--revision", default="", metavar="SHA", help="commit sha or the start of it"
    )
    parser.add_argument(
        "--precision",
        default="",
        metavar="PRECISION",
        help="precision, if the model was submitted in several",
    )
    parser.add_argument(
        "--suite",
        default="",
        metavar="SUITE",
        help="name of a suite, if the model was submitted for several; default: any",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the outcome for each request as JSON"
    )


def _describe_submission(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that describe a submission."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="model on the Hub or in EVALBOARD_MODELS ({org}/{name}), or a folder",
    )
    parser.add_argument(
        "--revision",
        default="main",
        metavar="REVISION",
        help="branch, tag or commit sha of the model; default: main",
    )
    parser.add_argument(
        "--precision",
        type=_read_precision,
        metavar="{" + ",".join(Precision) + "}",
        help="default: the precision of the checkpoint",
    )
    parser.add_argument(
        "--weight-type",
        choices=[str(w) for w in WeightType],
        default=str(WeightType.ORIGINAL),
        help="whole weights, or a LoRA or delta on a base model; default: Original",
    )
    parser.add_argument(
        "--base-model", default="", metavar="MODEL", help="base model of an adapter or delta"
    )
    parser.add_argument(
        "--base-revision",
        default="main",
        metavar="REVISION",
        help="branch, tag or commit sha of the base model; default: main",
    )
    parser.add_argument(
        "--model-type",
        choices=[str(t) for t in ModelType],
        default=str(ModelType.UNKNOWN),
        help="how the model was made; default: unknown",
    )
    parser.add_argument(
        "--chat-template",
        dest="use_chat_template",
        action="store_true",
        help="apply the model's chat template to prompts",
    )
    parser.add_argument(
        "--enable-thinking",
        action="store_true",
        help="let the model think before it writes an answer; needs --chat-template",
    )
    parser.add_argument(
        "--think-end-token",
        default="",
        metavar="TEXT",
        help="what ends the thinking, such as </think>; default: as in the template or vocabulary",
    )
    parser.add_argument(
        "--sender",
        default=None,
        metavar="NAME",
        help="name of the submitter; default: EVALBOARD_SENDER",
    )


def _read_precision(text: str) -> Precision:
    precision = Precision.parse(text)
    if precision is None:
        raise argparse.ArgumentTypeError(f"{text!r} is unknown; use one of {', '.join(Precision)}")
    return precision


def _read_priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number; the number comes first: `prioritise 10 ORG/MODEL`"
        ) from None
