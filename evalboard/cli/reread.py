"""`evalboard reread`: read stored answers in words again, by the reader of this version."""

import argparse
from datetime import UTC, datetime

from evalboard.cli.reporting import say
from evalboard.publishing import publish_board
from evalboard.reading.reader import READER
from evalboard.rereading import reread
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Read the answers, and build the board if any have been read."""
    failed = read = 0
    for one in reread(settings):
        name = f"{one.document.config.model_name} ({', '.join(one.benchmarks)})"
        if one.problem:
            failed += 1
            say(f"{name}: not read. {one.problem}")
        else:
            read += 1
            say(f"{name}: read by {READER}.")
    if read:
        publish_board(settings, now=datetime.now(UTC))
    if not read and not failed:
        say(f"All stored answers in words have been read by {READER}.")
    return 1 if failed else 0
