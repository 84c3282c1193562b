"""`evalboard prioritise`: change the priority of waiting requests."""

import argparse

from evalboard.cli.request_arguments import add_request_arguments, finish, request_queries
from evalboard.queueing.actions import prioritise
from evalboard.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.add_argument("priority", type=int, help="higher numbers run earlier; the default is 0")
    add_request_arguments(parser)
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Change the priority of requests. Return 1 if one is no longer waiting."""
    changes = prioritise(request_queries(arguments), arguments.priority, settings)
    return finish(changes, arguments, settings)
