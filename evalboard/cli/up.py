"""`evalboard up`: Prefect server, Ray, worker with the deployments, and viewer, in one command."""

import argparse
import socket
import sys
import time
from pathlib import Path
from typing import NamedTuple

import deployments
from deployments import HEARTBEAT_SECONDS
from evalboard.cli.embedding import LOGGING
from evalboard.cli.reporting import console
from evalboard.engine.placing import cluster
from evalboard.queueing.machine import why_unfit
from evalboard.services import Services, address_of, is_loopback, listen
from evalboard.settings import Settings, child_environment

POOL = "evalboard"
STARTUP_SECONDS = 120
WATCH_SECONDS = 2


def add(parser: argparse.ArgumentParser) -> None:
    """Set the function to call. There are no arguments."""
    parser.set_defaults(do=do)


class Ports(NamedTuple):
    """The ports of the pages, taken before anything is started."""

    server: socket.socket
    viewer: socket.socket


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start all services, print their addresses, and stop them on Ctrl-C."""
    _warn_of_open_server(settings)
    if why := why_unfit(settings):
        console.print(why, style="yellow", markup=False)
    with (
        listen(settings.server_host, settings.server_port, setting="EVALBOARD_SERVER") as server,
        listen(settings.viewer_host, settings.viewer_port, setting="EVALBOARD_VIEWER") as viewer,
    ):
        cluster.connect(settings)
        ports = Ports(server, viewer)
        api_url = f"{address_of(server)}/api"
        variables = _environment(settings, api_url)
        try:
            with Services(settings.home.resolve() / "logs", variables) as services:
                _start(services, ports, settings)
                _watch(services)
        finally:
            cluster.disconnect()
    return 0


def _warn_of_open_server(settings: Settings) -> None:
    if settings.server_password is None and not is_loopback(settings.server_host):
        console.print(
            f"The Prefect server listens on {settings.server_host} without a password: everyone on "
            "the network can command its worker. Set EVALBOARD_SERVER_PASSWORD=name:password, or "
            "EVALBOARD_SERVER_HOST=127.0.0.1.",
            style="yellow",
        )


def _environment(settings: Settings, api_url: str) -> dict[str, str]:
    return child_environment(
        settings,
        PREFECT_API_URL=api_url,
        PREFECT_HOME=str((settings.home / "prefect").resolve()),
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY=str(HEARTBEAT_SECONDS),
        PREFECT_WORKER_ENABLE_CANCELLATION="true",
        EVALBOARD_PREFECT_API_URL=api_url,
        EVALBOARD_RAY_ADDRESS=cluster.address(),
        EVALBOARD_MAX_RUNNING=str(settings.max_running or cluster.slot_count(settings)),
        DO_NOT_TRACK="1",
        **LOGGING,
    )


def _start(services: Services, ports: Ports, settings: Settings) -> None:
    python = [sys.executable, "-m"]
    prefect = [*python, "prefect", "--no-prompt"]
    folder = Path(deployments.__path__[0])
    server, board = address_of(ports.server), address_of(ports.viewer)
    with console.status("Starting the Prefect server …"):
        services.start("server", [*python, "deployments.server"], listener=ports.server)
        services.wait_for("server", f"{server}/api/health", timeout_seconds=STARTUP_SECONDS)
    with console.status("Deploying the flows …"):
        pool = [*prefect, "work-pool", "create", POOL, "--type", "process", "--overwrite"]
        services.run("pool", [*pool, "--base-job-template", str(folder / "pool.json")])
        services.run(
            "deploy", [*prefect, "deploy", "--all", "--prefect-file", str(folder / "prefect.yaml")]
        )
        services.run("automations", [*python, "deployments.automations"])
        services.run("reconcile", [*prefect, "deployment", "run", "reconcile/scheduled"])
    with console.status("Starting the worker and the viewer …"):
        services.start("worker", [*prefect, "worker", "start", "--pool", POOL])
        services.start("viewer", [*python, "evalboard", "viewer"], listener=ports.viewer)
        services.wait_for("viewer", board, timeout_seconds=STARTUP_SECONDS)
    console.print(f"Board:   {board}\nPrefect: {server}")
    console.print(f"Logs:    {settings.home.resolve() / 'logs'}\nCtrl-C stops everything.")


def _watch(services: Services) -> None:
    """Wait for Ctrl-C, or for the end of one of the programs."""
    while True:
        time.sleep(WATCH_SECONDS)
        services.check()
