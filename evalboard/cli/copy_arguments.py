"""The arguments of the verbs that copy what an installation has: `mirror`, `backup`, `restore`."""

import argparse
from pathlib import Path

from evalboard.cli.shared_arguments import texts


def add_mirror(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard mirror`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    pull = actions.add_parser(
        "pull",
        **texts("copy the questions of a suite, and models, for a network without internet"),
    )
    pull.set_defaults(action="pull")
    pull.add_argument(
        "--suite", default="", metavar="SUITE", help="name or YAML file; default: EVALBOARD_SUITE"
    )
    pull.add_argument(
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="MODEL",
        help="model to copy, {org}/{name} or {org}/{name}@{revision}; can be repeated",
    )
    pull.add_argument(
        "--to",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder; what is in it already stays, and is not fetched again",
    )


def add_backup(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard backup`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="new file, such as board.tar.gz")


def add_restore(parser: argparse.ArgumentParser) -> None:
    """Describe `evalboard restore`."""
    parser.add_argument("file", type=Path, metavar="FILE", help="file of `evalboard backup`")
