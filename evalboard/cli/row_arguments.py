"""The arguments of the verbs that act on rows of the board."""

import argparse
from pathlib import Path

from evalboard.backends import BACKENDS


def add_reproduce(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard reproduce`."""
    parser.description = (
        "Print the commands of plain lm_eval that make the scores of a row again. With --run, run them "
        "and compare the answers with the stored ones, question by question."
    )
    add_row(parser)
    parser.add_argument("--run", action="store_true", help="run the commands and compare")
    parser.add_argument(
        "--benchmarks",
        default="",
        metavar="KEYS",
        help="benchmark keys, separated by commas; default: all with a score",
    )
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
    parser.add_argument("--json", action="store_true", help="print all differing questions as JSON")


def add_row(parser: argparse.ArgumentParser) -> None:
    """Add the words that name a row."""
    parser.add_argument(
        "row",
        nargs="+",
        metavar="ROW",
        help="a row of the board: model[@revision] and, if it has several, words such as the "
        "precision, chat or thinking",
    )
