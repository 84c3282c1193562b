"""`evalboard worker`: a worker for a Prefect server that runs elsewhere, without pages."""

import argparse
import time

from evalboard.cli.embedding import require_server
from evalboard.cli.working import services_of, start_worker, until_stopped, watch
from evalboard.engine.examining import why_unfit
from evalboard.readiness import tell_ready
from evalboard.settings import Settings

FIT_SECONDS = 60
"""Interval between checks whether an unfit machine is mended."""


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Work on the runs of the server, and stop on Ctrl-C.

    A machine that cannot run engines waits until it can: other machines take the runs.
    """
    api_url = require_server(settings)
    from evalboard_prefect.deployments.deploying import require_deployed

    require_deployed(settings)
    with until_stopped(), services_of(settings, api_url) as services:
        while why_unfit(settings):
            time.sleep(FIT_SECONDS)
        start_worker(services, settings, is_logged=False)
        tell_ready()
        watch(services, settings)
    return 0
