"""`evalboard deploy`: bring the flows to a Prefect server, or up to date there."""

import argparse

from evalboard.cli.embedding import require_server
from evalboard.cli.reporting import say
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Deploy, and print what was changed."""
    require_server(settings)
    from evalboard_prefect.deployments.deploying import deploy

    changes = 0
    for done in deploy(settings, take_over=arguments.take_over):
        say(done)
        changes += 1
    if not changes:
        say("Everything is deployed already.")
    return 0
