"""`evalboard requeue`: restart failed, rejected, cancelled or lost requests."""

import argparse
from datetime import UTC, datetime

from evalboard.cli.embedding import use_server
from evalboard.cli.request_arguments import finish, request_queries
from evalboard.queueing.actions import AskRuns, requeue
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make requests pending again. Return 1 if this failed for one of them."""
    changes = requeue(
        request_queries(arguments),
        settings,
        now=datetime.now(UTC),
        by=settings.sender,
        ask_runs=_ask_runs(settings),
    )
    return finish(changes, arguments, settings)


def _ask_runs(settings: Settings) -> AskRuns | None:
    """Return a function that asks Prefect for the states of runs, None without a server."""
    if settings.prefect_api_url is None:
        return None
    use_server(settings, settings.prefect_api_url)
    from evalboard_prefect.tasks.runs import run_states

    return run_states
