"""`evalboard up`: Prefect server, Ray, worker with the deployments, and viewer, in one command."""

import argparse
import socket
from contextlib import ExitStack
from typing import NamedTuple

from evalboard.cli.reporting import console, stage
from evalboard.cli.working import EVALBOARD, PYTHON, services_of, start_worker, until_stopped, watch
from evalboard.readiness import tell_ready
from evalboard.services import Services, address_of, is_loopback, listen
from evalboard.settings import Settings
from evalboard_prefect import deployments


class Ports(NamedTuple):
    """The ports of the pages, taken before anything is started."""

    viewer: socket.socket
    server: socket.socket | None
    """None if the settings name a server, which runs already."""


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Start all services, print their addresses, and stop them on Ctrl-C."""
    with until_stopped(), ExitStack() as sockets:
        ports = Ports(
            server=_own_server(settings, sockets),
            viewer=sockets.enter_context(
                listen(settings.viewer_host, settings.viewer_port, setting="EVALBOARD_VIEWER")
            ),
        )
        api_url = f"{address_of(ports.server)}/api" if ports.server else settings.prefect_api_url
        assert api_url
        with services_of(settings, api_url) as services:
            _start(services, ports, api_url, settings)
            tell_ready()
            watch(services, settings.model_copy(update={"prefect_api_url": api_url}))
    return 0


def _own_server(settings: Settings, sockets: ExitStack) -> socket.socket | None:
    if settings.prefect_api_url:
        return None
    _warn_of_open_server(settings)
    return sockets.enter_context(
        listen(settings.server_host, settings.server_port, setting="EVALBOARD_SERVER")
    )


def _warn_of_open_server(settings: Settings) -> None:
    if settings.server_password is None and not is_loopback(settings.server_host):
        console.print(
            f"The Prefect server listens on {settings.server_host} without a password: everyone on "
            "the network can command its worker. Set EVALBOARD_SERVER_PASSWORD=name:password, or "
            "EVALBOARD_SERVER_HOST=127.0.0.1.",
            style="yellow",
        )


def _start(services: Services, ports: Ports, api_url: str, settings: Settings) -> None:
    board = address_of(ports.viewer)
    if ports.server:
        with stage("Starting the Prefect server …"):
            program = [*PYTHON, f"{deployments.__name__}.server"]
            services.start("server", program, listener=ports.server)
            services.wait_for("server", f"{api_url}/health")
    with stage("Deploying the flows …"):
        taking = ["--take-over"] if ports.server else []  # the server of this home is this home's
        services.run("deploy", [*EVALBOARD, "deploy", *taking])
    with stage("Starting the worker and the viewer …"):
        start_worker(services, settings)
        services.start("viewer", [*EVALBOARD, "viewer"], listener=ports.viewer)
        services.wait_for("viewer", board)
    console.print(f"Board:   {board}\nPrefect: {api_url.removesuffix('/api')}")
    console.print(f"Logs:    {settings.home.resolve() / 'logs'}\nCtrl-C stops everything.")
