"""What `evalboard up` and `evalboard worker` share: a Ray, workers, and the watch over them."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from evalboard.cli.embedding import LOGGING, prepare_ahead
from evalboard.cli.reporting import console, say_at_once, stage
from evalboard.engine.examining import examine_at_start
from evalboard.engine.placing import cluster, placement
from evalboard.intake.listening import listen
from evalboard.log_lines import prefect_variables
from evalboard.process_environment import child_environment
from evalboard.services import Services, Terminated, terminable
from evalboard.settings import Settings
from evalboard_prefect.deployments import DEFAULT_QUEUE, ENVIRONMENT, EVALUATIONS, POOL

PYTHON = [sys.executable, "-m"]
PREFECT = [*PYTHON, "prefect", "--no-prompt"]
EVALBOARD = [*PYTHON, "evalboard"]
WATCH_SECONDS = 2
MEMBERSHIP_SECONDS = 30
"""Interval between checks whether this machine still belongs to its Ray cluster."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end this context. SIGTERM is how a service is stopped: no failure."""
    try:
        with terminable():
            yield
    except Terminated:
        console.print("Stopped by SIGTERM. The next start continues where the runs were.")


@contextmanager
def services_of(settings: Settings, api_url: str) -> Iterator[Services]:
    """Give programs a Ray and the address of a Prefect server, until the context is left.

    A machine that cannot run engines is told so. Its pages serve all the same.
    """
    if why := examine_at_start(settings, tell=say_at_once):
        console.print(why, style="yellow", markup=False)
    with placement.forked_engines(settings):
        with stage("Starting Ray …"):
            cluster.connect(settings)
        variables = _environment(settings, api_url)
        try:
            with Services(
                settings.home.resolve() / "logs",
                variables,
                has_files=settings.log_to == "files",
            ) as services:
                yield services
        finally:
            cluster.disconnect()


def start_worker(services: Services, settings: Settings, *, is_logged: bool = True) -> None:
    """Start the workers of the pool, after what the last ones have left behind is set right.

    The worker of evaluations takes as many as this machine has places. The others wait as late runs.

    Args:
        services: Where to start it.
        settings: The settings.
        is_logged: Whether their output goes to files instead of this program's own.
    """
    services.run("reconcile", [*PYTHON, "evalboard_prefect.flows.reconcile_flow"])
    command = [*PREFECT, "worker", "start", "--pool", POOL, "--work-queue"]
    slots = str(settings.engine_slots or placement.running_limit(settings))
    evaluating = [*command, EVALUATIONS, "--limit", slots]
    if settings.worker_health_port:
        evaluating.append("--with-healthcheck")
    services.start("worker", evaluating, is_logged=is_logged)
    services.start("queue-worker", [*command, DEFAULT_QUEUE], is_logged=is_logged)
    prepare_ahead(services, settings)


def watch(services: Services, settings: Settings) -> None:
    """Wait for Ctrl-C, or for the end of one of the programs or of Ray.

    Args:
        services: What runs, with the server of the settings.
        settings: The settings. The server is told of changes in their queue.
    """
    Thread(target=listen, args=(settings,), name="listening", daemon=True).start()
    asked = time.monotonic()
    while True:
        time.sleep(WATCH_SECONDS)
        services.check()
        services.cut_logs(settings.log_file_mib * 2**20)
        cluster.check()
        if time.monotonic() - asked > MEMBERSHIP_SECONDS:
            cluster.check_membership()
            asked = time.monotonic()


def _environment(settings: Settings, api_url: str) -> dict[str, str]:
    named = {
        "PREFECT_UI_URL": settings.prefect_ui_url,
        "PREFECT_WORKER_WEBSERVER_PORT": settings.worker_health_port,
    }
    return child_environment(
        settings,
        PREFECT_API_URL=api_url,
        PREFECT_HOME=str(settings.prefect_folder),
        PREFECT_WORKER_ENABLE_CANCELLATION="true",
        EVALBOARD_PREFECT_API_URL=api_url,
        EVALBOARD_RAY_ADDRESS=cluster.address(),
        EVALBOARD_MAX_RUNNING=str(placement.running_limit(settings)),
        PREFECT_WORKER_WEBSERVER_HOST="127.0.0.1",
        DO_NOT_TRACK="1",
        **ENVIRONMENT,
        **LOGGING,
        **prefect_variables(settings.log_format),
        **{name: str(value) for name, value in named.items() if value},
    )
