"""What the parsers of several verbs share: the form of their texts, and some arguments."""

import argparse
from typing import TypedDict


class Texts(TypedDict):
    """The texts of a parser: in the list of its parent, and at the top of its own help."""

    help: str
    description: str


def texts(summary: str) -> Texts:
    """Return the texts of a verb or an action that does what the summary says."""
    return {"help": summary, "description": f"{summary[0].upper()}{summary[1:]}."}


def add_suite(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a board."""
    parser.add_argument(
        "--suite", default="", metavar="SUITE", help="suite of the board; default: EVALBOARD_SUITE"
    )


def add_benchmarks(
    parser: argparse.ArgumentParser, what: str = "benchmark keys", *, default: str = "all"
) -> None:
    """Add the choice of benchmarks, a tuple of keys. It is empty by default.

    Args:
        parser: The parser.
        what: What the keys are.
        default: What an empty choice means.
    """
    parser.add_argument(
        "--benchmarks",
        type=_read_keys,
        default=(),
        metavar="KEYS",
        help=f"{what}, separated by commas; default: {default}",
    )


def _read_keys(text: str) -> tuple[str, ...]:
    return tuple(key for key in text.split(",") if key)
