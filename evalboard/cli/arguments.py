"""The arguments of all verbs. Help needs this module alone, and imports no library that takes long.

A verb is the name of a module in this package, or sets `verb` to it. Its function `do` runs the verb, or the function
that an action names, and returns the exit code.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from evalboard import __version__
from evalboard.backends import BACKENDS
from evalboard.bench.cases import KINDS, SIZES, USUAL_KINDS
from evalboard.cli.copy_arguments import add_backup, add_mirror, add_restore
from evalboard.cli.parser_texts import texts
from evalboard.cli.row_arguments import (
    add_flag,
    add_import,
    add_reproduce,
    add_row_export,
    add_suite,
    add_upgrade_check,
)
from evalboard.records.choice import WeightType
from evalboard.records.precision import Precision
from evalboard.records.request import ModelType

USAGE = 2


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the program. It sets `verb` and `action`, the name of a function."""
    parser = _Parser(
        prog="evalboard",
        description="Run an open leaderboard of language models. Environment variables that start "
        "with EVALBOARD_ are the settings.",
    )
    parser.add_argument("--version", action="version", version=f"evalboard {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for name, verb in VERBS.items():
        described = verbs.add_parser(name, **texts(verb.summary))
        described.set_defaults(verb=name, action="do")
        verb.add(described)
    return parser


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("evalboard-demo"),
        metavar="FOLDER",
        help="folder of everything that the demo makes; default: evalboard-demo",
    )
    parser.add_argument(
        "--real",
        action="store_true",
        help="with a real model of 135 million parameters, which `make real-model` installs",
    )
    parser.add_argument("--no-serve", action="store_true", help="stop after the board is built")


def _viewer(parser: argparse.ArgumentParser) -> None:
    # For `evalboard up`.
    parser.add_argument("--listener", type=int, help=argparse.SUPPRESS)


def _deploy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--take-over",
        action="store_true",
        help="also deploy to a server to which another installation has deployed its flows",
    )


def _submit(parser: argparse.ArgumentParser) -> None:
    _add_submission(parser)
    parser.add_argument(
        "--suite",
        default="",
        metavar="SUITES",
        help="names of suites, separated by commas; default: EVALBOARD_SUITE",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="stop when the queue is empty")
    parser.add_argument(
        "--limit-requests", type=int, metavar="N", help="stop after this many evaluations"
    )


def _evaluate(parser: argparse.ArgumentParser) -> None:
    _add_submission(parser)
    parser.add_argument(
        "--suite",
        default="",
        metavar="SUITE",
        help="name of a suite, or its YAML file; default: EVALBOARD_SUITE",
    )
    parser.add_argument(
        "--benchmarks",
        default="",
        metavar="KEYS",
        help="benchmark keys, separated by commas; default: all",
    )
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


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="show only this model, or the request with this path",
    )
    parser.add_argument("--sender", metavar="NAME", help="show only submissions of this sender")
    parser.add_argument("--json", action="store_true", help="print the entries of queue.json")


def _prioritise(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "priority",
        type=_read_priority,
        metavar="PRIORITY",
        help="higher numbers run earlier; the default is 0",
    )
    _add_requests(parser)


def _backfill(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--suite", default="", metavar="SUITE", help="name of a suite; default: EVALBOARD_SUITE"
    )
    parser.add_argument(
        "--benchmarks",
        default="",
        metavar="KEYS",
        help="benchmark keys that count, separated by commas; default: all",
    )
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


def _clean(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--older-than",
        type=float,
        default=30,
        metavar="DAYS",
        help="remove logs, progress notes, results beside the board and damaged files that have not "
        "changed for this long; default: 30",
    )
    parser.add_argument(
        "--model-cache",
        type=float,
        metavar="GIB",
        help="limit for downloaded and merged models; those used longest ago are removed; default: "
        "EVALBOARD_MODEL_CACHE_GIB",
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would be removed")


def _read_priority(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number; the number comes first: `prioritise 10 ORG/MODEL`"
        ) from None


def _board(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    build = actions.add_parser(
        "build", **texts("write the tables and the queue if they have changed")
    )
    build.set_defaults(action="build")
    show = actions.add_parser("show", **texts("print a board"))
    show.set_defaults(action="show")
    add_suite(show)
    show.add_argument(
        "--json", action="store_true", help="print all columns as JSON, one object per row"
    )
    export = actions.add_parser("export", **texts("write a board into a file, or print a row"))
    export.set_defaults(action="export")
    add_suite(export)
    add_row_export(export)
    export.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="its ending says the format: .csv, .json or .parquet with all columns, .md or .tex to read",
    )


def _suite(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", **texts("list the shipped suites"))
    listing.set_defaults(action="list_suites")
    listing.add_argument("--json", action="store_true", help="print the names as JSON")
    show = actions.add_parser("show", **texts("show the benchmarks of a suite"))
    show.set_defaults(action="show_suite")
    show.add_argument(
        "suite", nargs="?", metavar="SUITE", help="name or YAML file; default: EVALBOARD_SUITE"
    )
    show.add_argument("--json", action="store_true", help="print the suite as JSON")
    check = actions.add_parser("check", **texts("find every mistake in a suite file"))
    check.set_defaults(action="check_suite")
    check.add_argument("suite", metavar="FILE", help="YAML file, or name of a shipped suite")
    check.add_argument(
        "--json", action="store_true", help="print the mistakes as JSON, with their lines"
    )


def _rescore(parser: argparse.ArgumentParser) -> None:
    add_suite(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print one JSON object per model and benchmark, with the accuracy by subject",
    )


def _read(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        type=Path,
        help="Parquet or JSON lines, one answer per row: `text` and `choices` (the texts, in the "
        "order of their letters); optional: `finish_reason`, and `thinking_opened` (true if the "
        "prompt ended with the beginning of a thinking)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per row")


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--score",
        action="store_true",
        help="also score one-layer models and compare with plain transformers (a minute; with a GPU "
        "it is always done, once for each driver and version of the libraries)",
    )


def _bench(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Run the same random model on the same questions four times: with `lm_eval run` on vLLM, "
        "on transformers and as one process per benchmark, and with `evalboard evaluate`. The case "
        "`queue` runs five models of one shape: with `lm_eval run` on vLLM one after another, and with "
        "`evalboard run --once`, whose engine stays or is a fresh one for each model. The "
        "questions come from EVALBOARD_DATASETS if it is set, otherwise from the demo. Keep the "
        "machine idle during the measurement."
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="use one model and few questions (about 20 minutes on two cores)",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the numbers to this file"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="also write a page to this file"
    )
    parser.add_argument(
        "--cases",
        default="",
        metavar="CASES",
        help=f"comma-separated, from {','.join(KINDS)}; default: {','.join(USUAL_KINDS)}",
    )
    parser.add_argument(
        "--models",
        default="",
        metavar="SIZES",
        help=f"comma-separated numbers of parameters, from {','.join(SIZES)}; default: chosen for "
        "this machine",
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="maximum number of questions per benchmark"
    )
    parser.add_argument(
        "--only-vllm",
        action="store_true",
        help="compare only with `lm_eval run --model vllm`, and not with transformers or a process "
        "per benchmark",
    )
    parser.add_argument(
        "--pipeline", action="store_true", help="also measure queue, flows and memory"
    )


def _requeue(parser: argparse.ArgumentParser) -> None:
    _add_requests(parser, nargs="*")
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


def _add_requests(parser: argparse.ArgumentParser, nargs: str = "+") -> None:
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


def _add_submission(parser: argparse.ArgumentParser) -> None:
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


class Verb(NamedTuple):
    """A verb of the command line."""

    summary: str
    add: Callable[[argparse.ArgumentParser], None] = lambda _: None
    """Describes its arguments."""


VERBS = {
    "demo": Verb("run the whole pipeline on tiny models", _demo),
    "up": Verb("start all services on this machine and run until Ctrl-C"),
    "viewer": Verb("serve the web pages of the board", _viewer),
    "deploy": Verb("bring the flows to a Prefect server, or up to date there", _deploy),
    "worker": Verb("evaluate what a Prefect server on another machine starts, until Ctrl-C"),
    "submit": Verb("check a model and add it to the queue", _submit),
    "validate": Verb("check a model without submitting it", _submit),
    "run": Verb("evaluate the queue in this process", _run),
    "evaluate": Verb("evaluate one model without the queue", _evaluate),
    "status": Verb("show the requests in the queue: waiting, running, failed and why", _status),
    "health": Verb("say whether the queue is worked on; 1 if nobody polls it"),
    "requeue": Verb(
        "restart failed, rejected or cancelled requests, lost ones, or outdated rows", _requeue
    ),
    "cancel": Verb("cancel requests and stop their runs", _add_requests),
    "prioritise": Verb("change the priority of waiting requests", _prioritise),
    "backfill": Verb(
        "let finished models wait for the scores that their suite has gained", _backfill
    ),
    "board": Verb("build, show or export the board", _board),
    "suite": Verb("list suites, show one, or check a suite file", _suite),
    "rescore": Verb("compute calibration and more metrics from the stored answers", _rescore),
    "flag": Verb("say something of a model on the board, or hide it", add_flag),
    "import": Verb("store the results of others as reported scores", add_import),
    "reproduce": Verb("make the scores of a row again with plain lm_eval", add_reproduce),
    "upgrade-check": Verb(
        "ask some rows again after an upgrade: do old scores still compare?", add_upgrade_check
    ),
    "read": Verb("show which letters a model's answers in words give", _read),
    "reread": Verb("read all stored answers in words by the current rules"),
    "clean": Verb("remove old logs and notes, and models that are not used", _clean),
    "mirror": Verb("copy questions and models for a network without internet", add_mirror),
    "backup": Verb("write stores and signing key into one file", add_backup),
    "restore": Verb("put stores and signing key back from a backup", add_restore),
    "doctor": Verb("show what this machine has and lacks for engines", _doctor),
    "bench": Verb("compare the speed of evalboard with that of lm_eval", _bench),
}
