"""The Prefect server, closed to web pages. `python -m evalboard_prefect.deployments.server` serves it.

Everything that starts a server of this project starts this one. `prefect server start` would
answer every page that is open in a browser.
"""

import argparse
import contextlib
import os
import socket
import sys
from pathlib import Path

import uvicorn

from evalboard.collecting import importing
from evalboard.process_environment import public_environment, set_environment
from evalboard.readiness import tell_ready
from evalboard.services import inherited, listen
from evalboard.settings import Settings, load_settings
from evalboard_prefect.deployments.guard import Guard

# Open pages of the UI hold connections that never end.
SHUTDOWN_SECONDS = 5


ONLY_API = {
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT_UI_ENABLED": "false",
    # The automations in the database are for the runs of other servers.
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
}
HOME = "PREFECT_HOME"
PLACE_SECONDS = 60
"""Time for which a run that is about to start keeps its place in the limit of its deployment. The
least that Prefect allows; a run that needs longer to start takes its place again."""

DATABASE_SECONDS = 45
"""Longest wait for the database. By default it is 5 s for a connection and 10 s for an answer."""


def environment_of_server(settings: Settings, port: int) -> dict[str, str]:
    """Return the variables of Prefect that close the server and keep it in order.

    Args:
        settings: The settings.
        port: The port that it listens on.
    """
    own = (f"http://127.0.0.1:{port}", f"http://localhost:{port}")
    variables = {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": ",".join((*own, *settings.server_origins)),
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # The pages call the server under the address at which the browser found them.
        "PREFECT_SERVER_UI_API_URL": "/api",
        # In memory they would be lost with a killed server, and their places taken for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
        "PREFECT_SERVER_CONCURRENCY_INITIAL_DEPLOYMENT_LEASE_DURATION": str(PLACE_SECONDS),
        # A poll that waits for another one.
        "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "5",
        # On a busy machine the database answers late. An error would end the run that asked, and
        # Prefect's clients wait for a minute.
        "PREFECT_SERVER_DATABASE_CONNECTION_TIMEOUT": str(DATABASE_SECONDS),
        "PREFECT_SERVER_DATABASE_TIMEOUT": str(DATABASE_SECONDS),
        # Without this, two runs a minute are kept for ever.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(settings.keep_runs_days * 86400),
        "PREFECT__SERVER_FINAL": "1",
        "DO_NOT_TRACK": "1",
    }
    if settings.server_password:
        variables["PREFECT_SERVER_API_AUTH_STRING"] = settings.server_password.get_secret_value()
    return variables


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(
        prog="python -m evalboard_prefect.deployments.server", description=__doc__
    )
    parser.add_argument("--listener", type=int, help="number of an inherited listening socket")
    parser.add_argument("--only-api", action="store_true", help="without pages and schedules")
    arguments = parser.parse_args()
    settings = load_settings()
    if arguments.listener is None:
        listener = listen(settings.server_host, settings.server_port, setting="EVALBOARD_SERVER")
    else:
        listener = inherited(arguments.listener)
    port = int(listener.getsockname()[1])
    set_environment(environment_of_server(settings, port))
    home = Path(public_environment((HOME,)).get(HOME, "~/.prefect")).expanduser()
    home.mkdir(parents=True, exist_ok=True)
    # By default it would be in the user's home whatever the server's is.
    set_environment({"PREFECT_SERVER_MEMO_STORE_PATH": str(home / "memo_store.toml")})
    if arguments.only_api:
        set_environment(ONLY_API)

    with importing():
        from prefect.server.api.server import create_app
        from prefect.settings import get_current_settings

        from evalboard_prefect.deployments.database import let_the_loop_go_on, let_writers_wait

        let_writers_wait()
        let_the_loop_go_on()
        app = create_app()
    theirs = get_current_settings().server
    config = uvicorn.Config(
        Guard(app, settings.server_origins),
        timeout_keep_alive=theirs.api.keepalive_timeout,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ws_ping_interval=theirs.api.websocket_ping_interval,
        ws_ping_timeout=theirs.api.websocket_ping_timeout,
        log_level=theirs.logging_level.lower(),
        lifespan="on",
    )
    # uvicorn raises the interrupt again after it has shut down.
    with contextlib.suppress(KeyboardInterrupt):
        _Server(config).run(sockets=[listener])


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell the service manager."""
        await super().startup(sockets)
        if self.started:
            tell_ready()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # there is nothing to put away, and taking the libraries down takes a second
