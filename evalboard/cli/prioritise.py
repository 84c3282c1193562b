"""`evalboard prioritise`: change the priority of waiting requests."""

import argparse

from evalboard.cli.request_arguments import finish, request_queries
from evalboard.queueing.actions import prioritise
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Change the priority of requests. Return 1 if one is no longer waiting."""
    changes = prioritise(request_queries(arguments), arguments.priority, settings)
    return finish(changes, arguments, settings)
