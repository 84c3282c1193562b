"""`evalboard requeue`: restart failed, rejected or cancelled requests."""

import argparse
from datetime import UTC, datetime

from evalboard.cli.request_arguments import add_request_arguments, finish, request_queries
from evalboard.queueing.actions import requeue
from evalboard.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    add_request_arguments(parser)
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make requests pending again. Return 1 if this failed for one of them."""
    changes = requeue(
        request_queries(arguments), settings, now=datetime.now(UTC), by=settings.sender
    )
    return finish(changes, arguments, settings)
