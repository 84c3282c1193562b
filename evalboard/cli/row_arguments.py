"""The arguments of the verbs that act on rows of the board."""

import argparse
from pathlib import Path

from evalboard.backends import BACKENDS
from evalboard.cli.shared_arguments import add_benchmarks, add_suite
from evalboard.records.notice import NoticeKind


def add_reproduce(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard reproduce`."""
    parser.description = (
        "Print the commands of plain lm_eval that make the scores of a row again. With --run, run them "
        "and compare the answers with the stored ones, question by question."
    )
    add_row(parser)
    parser.add_argument("--run", action="store_true", help="run the commands and compare")
    add_benchmarks(parser, default="all with a score")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="ask only the first N questions of each task"
    )
    parser.add_argument("--backend", choices=list(BACKENDS), help="default: the row's own")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder for task files and answers; default: reproduced/ROW",
    )
    add_suite(parser)
    parser.add_argument("--json", action="store_true", help="print all differing questions as JSON")


def add_upgrade_check(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard upgrade-check`."""
    parser.set_defaults(verb="upgrade_check")
    parser.description = (
        "Use this after an upgrade of lm-eval or of a backend. Rows of different versions are ranked "
        "apart until this command has asked some of the old rows again: it compares the new answers with "
        "the stored ones, question by question, and stores for each benchmark whether scores of both "
        "versions compare. They do if the 95 % interval of the difference lies within ± MARGIN points. "
        "Ends with 1 if they do not on some benchmark."
    )
    parser.add_argument(
        "--models",
        default="",
        metavar="ROWS",
        help="rows to ask again, separated by commas; default: EVALBOARD_ANCHORS, or small models "
        "spread over the scores of the board",
    )
    parser.add_argument(
        "--anchors",
        type=int,
        default=3,
        metavar="N",
        help="rows to choose for each old version if none is named; default: 3",
    )
    add_benchmarks(parser)
    parser.add_argument(
        "--limit", type=int, metavar="N", help="ask only the first N questions of each task"
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="difference of two scores that does not matter, in percentage points; default: 1",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="only list the rows that would be asked"
    )
    add_suite(parser)
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")


def add_import(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard import`."""
    parser.set_defaults(verb="import_results")  # `import` names no module
    parser.description = (
        "Read the results of others, and store them as reported scores: the board shows them apart, and "
        "ranks none of them. Each file gets a report of what was changed, guessed or left out, and is "
        "kept whole."
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder with the files")
    parser.add_argument(
        "--from",
        dest="form",
        required=True,
        choices=["lm-eval", "leaderboard"],
        help="lm-eval: results_*.json with samples_*.jsonl. leaderboard: a data set of the leaderboard "
        "templates, as result files or as a table with one row per model",
    )
    parser.add_argument(
        "--source",
        default="",
        metavar="TEXT",
        help="source on the board; default: path of the file",
    )
    parser.add_argument("--link", default="", metavar="URL", help="address of the source")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the report, and store nothing"
    )
    add_suite(parser)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def add_flag(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard flag`."""
    parser.description = (
        "Flag a model: its rows get a mark with the reason, and no rank. Or hide it, name its new name, "
        "or say that it is a merge or a mixture. Without MODEL: list what was said."
    )
    parser.add_argument("model", nargs="?", metavar="MODEL", help="name of the model")
    kinds = parser.add_mutually_exclusive_group()
    for option, kind, meaning in (
        ("--hide", NoticeKind.HIDDEN, "the model has no row"),
        ("--merge", NoticeKind.MERGE, "the model is a merge of several"),
        ("--mixture", NoticeKind.MIXTURE, "the model is a mixture of experts"),
    ):
        kinds.add_argument(option, dest="kind", action="store_const", const=kind, help=meaning)
    kinds.add_argument("--renamed-to", default="", metavar="NAME", help="the model's name now")
    kinds.add_argument("--undo", action="store_true", help="take back all that was said of it")
    parser.set_defaults(kind=NoticeKind.FLAGGED)
    parser.add_argument("--reason", default="", metavar="TEXT", help="a flag needs one")
    parser.add_argument("--link", default="", metavar="URL", help="page with more")


def add_row_export(parser: argparse.ArgumentParser) -> None:
    """Describe how `evalboard board export` writes one row for the model's repository."""
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="ROW",
        help="instead of a file: print this row for the model's own repository; named as for "
        "`evalboard reproduce`",
    )
    parser.add_argument(
        "--format",
        choices=["model-index", "eval-results"],
        default="model-index",
        help="of the row: block of the model card (default), or file in .eval_results",
    )
    parser.add_argument(
        "--link", default="", metavar="URL", help="address of the board; default: EVALBOARD_SPACE"
    )
    parser.add_argument(
        "--pull-request",
        action="store_true",
        help="open a pull request with the row on the model's repository",
    )


def add_row(parser: argparse.ArgumentParser) -> None:
    """Add the words that name a row."""
    parser.add_argument(
        "row",
        nargs="+",
        metavar="ROW",
        help="a row of the board: model[@revision] and, if it has several, words such as the "
        "precision, chat or thinking",
    )
