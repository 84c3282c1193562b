"""`evalboard up`: Prefect server, Ray, worker with the deployments, and viewer, in one command."""

import argparse
import sys
import time
from pathlib import Path

import deployments
from deployments import HEARTBEAT_SECONDS
from evalboard.cli.reporting import console
from evalboard.engine.placing import cluster
from evalboard.services import Services
from evalboard.settings import Settings, child_environment

POOL = "evalboard"
STARTUP_SECONDS = 120
WATCH_SECONDS = 2


def add(parser: argparse.ArgumentParser) -> None:
    """Set the function to call. There are no arguments."""
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start all services, print their addresses, and stop them on Ctrl-C."""
    cluster.connect(settings)
    try:
        with Services(settings.home.resolve() / "logs", _environment(settings)) as services:
            _start(services, settings)
            _watch(services)
    finally:
        cluster.disconnect()
    return 0


def _environment(settings: Settings) -> dict[str, str]:
    return child_environment(
        settings,
        PREFECT_API_URL=_api(settings),
        PREFECT_HOME=str((settings.home / "prefect").resolve()),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY=str(HEARTBEAT_SECONDS),
        PREFECT_WORKER_ENABLE_CANCELLATION="true",
        EVALBOARD_PREFECT_API_URL=_api(settings),
        EVALBOARD_RAY_ADDRESS=cluster.address(),
        EVALBOARD_MAX_RUNNING=str(settings.max_running or cluster.slot_count(settings)),
        DO_NOT_TRACK="1",
    )


def _api(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.server_port}/api"


def _start(services: Services, settings: Settings) -> None:
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    file = Path(deployments.__path__[0]) / "prefect.yaml"
    with console.status("Starting the Prefect server …"):
        port = str(settings.server_port)
        services.start("server", [*prefect, "server", "start", "--port", port])
        services.wait_for("server", f"{_api(settings)}/health", timeout_seconds=STARTUP_SECONDS)
    with console.status("Deploying the flows …"):
        pool = [*prefect, "work-pool", "create", POOL, "--type", "process", "--overwrite"]
        services.run("pool", pool)
        services.run("deploy", [*prefect, "deploy", "--all", "--prefect-file", str(file)])
        services.run("automations", [sys.executable, "-m", "deployments.automations"])
        services.run("reconcile", [*prefect, "deployment", "run", "reconcile/scheduled"])
    with console.status("Starting the worker and the viewer …"):
        services.start("worker", [*prefect, "worker", "start", "--pool", POOL])
        services.start("viewer", [sys.executable, "-m", "evalboard", "viewer"])
        board = f"http://{settings.viewer_host}:{settings.viewer_port}"
        services.wait_for("viewer", board, timeout_seconds=STARTUP_SECONDS)
    console.print(f"Board:   {board}\nPrefect: http://127.0.0.1:{settings.server_port}")
    console.print(f"Logs:    {settings.home.resolve() / 'logs'}\nCtrl-C stops everything.")


def _watch(services: Services) -> None:
    """Wait for Ctrl-C, or for the end of one of the programs."""
    while True:
        time.sleep(WATCH_SECONDS)
        services.check()
