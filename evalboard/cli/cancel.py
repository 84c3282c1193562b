"""`evalboard cancel`: cancel requests and stop their runs."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime

from evalboard.cli.embedding import use_server
from evalboard.cli.request_arguments import finish, request_queries
from evalboard.queueing.actions import cancel
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Cancel requests. Return 1 if one could not be cancelled."""
    changes = cancel(
        request_queries(arguments),
        settings,
        now=datetime.now(UTC),
        by=settings.sender,
        stop_run=_stop_run(settings),
    )
    return finish(changes, arguments, settings)


def _stop_run(settings: Settings) -> Callable[[str], None] | None:
    """Return a function that stops a run in Prefect, None without a server."""
    if settings.prefect_api_url is None:
        return None
    use_server(settings, settings.prefect_api_url)
    from evalboard_prefect.tasks.runs import stop_run

    return stop_run
