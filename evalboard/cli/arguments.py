"""The arguments of all verbs. Help needs this module alone, and imports no library that takes long.

A verb is the name of a module in this package, or sets `verb` to it. Its function `do` runs the verb, or the function
that an action names, and returns the exit code.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

from evalboard import __version__
from evalboard.bench.cases import KINDS, SIZES, USUAL_KINDS
from evalboard.cli.copy_arguments import add_backup, add_mirror, add_restore
from evalboard.cli.queue_arguments import (
    add_backfill,
    add_evaluation,
    add_priority,
    add_requests,
    add_requeue,
    add_run,
    add_status,
    add_submission,
)
from evalboard.cli.row_arguments import (
    add_flag,
    add_import,
    add_reproduce,
    add_row_export,
    add_upgrade_check,
)
from evalboard.cli.shared_arguments import add_suite, texts

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
    "submit": Verb("check a model and add it to the queue", add_submission),
    "validate": Verb("check a model without submitting it", add_submission),
    "run": Verb("evaluate the queue in this process", add_run),
    "evaluate": Verb("evaluate one model without the queue", add_evaluation),
    "status": Verb("show the requests in the queue: waiting, running, failed and why", add_status),
    "health": Verb("say whether the queue is worked on; 1 if nobody polls it"),
    "requeue": Verb(
        "restart failed, rejected or cancelled requests, lost ones, or outdated rows", add_requeue
    ),
    "cancel": Verb("cancel requests and stop their runs", add_requests),
    "prioritise": Verb("change the priority of waiting requests", add_priority),
    "backfill": Verb(
        "let finished models wait for the scores that their suite has gained", add_backfill
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
