"""Flows without lasting services: a Prefect server and a local Ray, in this process tree."""

import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from evalboard.attempt import ahead_program
from evalboard.attempt.handing_back import HandedBack, hand_back_all
from evalboard.cli.reporting import console, say
from evalboard.engine.hardware import local_gpus
from evalboard.errors import ConfigError
from evalboard.process_environment import child_environment, environment_of, set_environment
from evalboard.services import Services, listen
from evalboard.settings import Settings
from evalboard_prefect import deployments

PREPARER = [sys.executable, "-m", ahead_program.__name__]
RETURN_SECONDS = 20
"""Time for a store to take the requests back. Slurm waits 30 s before it kills."""
LOGGING = {
    # Prefect shows what the core logs in the run during which it was logged.
    "PREFECT_LOGGING_EXTRA_LOGGERS": "evalboard",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}


@contextmanager
def embedded(settings: Settings) -> Iterator[Callable[[], None]]:
    """Give this process a Prefect server for its flows. Enter it before the import of Prefect.

    If `PREFECT_API_URL` names a server, that server is used. Otherwise one is started for the
    lifetime of the context, with its database under the project's home.

    SIGINT and SIGTERM hand the requests back, stop the server and then end this process at once,
    without waiting for the evaluations in other threads. The next process continues them.

    Yields:
        A function that waits until the server answers, and raises ConfigError if it does not.
    """
    prefect_home = str(settings.prefect_folder)
    own = child_environment(
        settings,
        PREFECT_HOME=prefect_home,
        PREFECT_LOGGING_LEVEL="ERROR",
    )
    with Services(settings.home.resolve() / "logs", own, on_interrupt=_hand_back) as services:
        prepare_ahead(services, settings)
        if settings.prefect_api_url is not None:
            use_server(settings, settings.prefect_api_url)
            yield lambda: None
            return
        listener = listen("127.0.0.1", 0, setting="EVALBOARD_SERVER")
        api_url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        program = [sys.executable, "-m", f"{deployments.__name__}.server", "--only-api"]
        services.start("server", program, listener=listener)
        use_server(settings, api_url, deployments.NO_HEARTBEATS)
        # Its address ends with this process: claims and pages do not name it.
        set_environment({"PREFECT_HOME": prefect_home, "EVALBOARD_PREFECT_API_URL": "none"})
        yield lambda: services.wait_for("server", f"{api_url}/health")


def prepare_ahead(services: Services, settings: Settings) -> None:
    """Start what finds the files of the next request while an engine works for another one."""
    if settings.ray_address:
        services.start("ahead", [*PREPARER, ahead_program.CLUSTER], is_needed=False)
    elif not settings.offline or local_gpus().number:
        services.start("ahead", PREPARER, is_needed=False)


def require_server(settings: Settings) -> str:
    """Let this process call the server of the settings, and return its address.

    Raises:
        ConfigError: The settings name no server.
    """
    if settings.prefect_api_url is None:
        raise ConfigError(
            "PREFECT_API_URL is not set. Set it to the API of the Prefect server, such as "
            f"http://127.0.0.1:{settings.server_port}/api."
        )
    use_server(settings, settings.prefect_api_url)
    return settings.prefect_api_url


def use_server(
    settings: Settings, api_url: str, heartbeats: Mapping[str, str] = deployments.ENVIRONMENT
) -> None:
    """Let this process call a server. Call it before the import of Prefect.

    Args:
        settings: The settings.
        api_url: Address of the server's API.
        heartbeats: Variables that say how often flow runs send them. Runs that no worker starts send
            them too: a server that others use may wait for them.
    """
    variables = environment_of(settings) | LOGGING
    variables["DO_NOT_TRACK"] = "1"
    variables["PREFECT_LOGGING_LEVEL"] = "ERROR"
    variables["PREFECT_API_URL"] = api_url
    set_environment(variables | dict(heartbeats))


def _hand_back(number: int) -> None:
    """Hand back the requests that this process evaluates, and say so.

    The evaluations in other threads then end none of them.
    """
    why = f"stopped by {signal.Signals(number).name} on {socket.gethostname()}"
    returned: list[HandedBack] = []

    def hand_back() -> None:
        returned.extend(hand_back_all(why, now=datetime.now(UTC)))

    # In a thread: the signal may have come while the main thread changes a store.
    returning = threading.Thread(target=hand_back, daemon=True)
    returning.start()
    returning.join(RETURN_SECONDS)
    console.show_cursor()
    say(f"evalboard: {why[0].upper()}{why[1:]}.", is_error=True)
    for path, status, problem in returned:
        if problem:
            say(f"{path} is not handed back: {problem}", is_error=True)
        elif status:
            say(f"{path} is {status} again. Its answers are kept.", is_error=True)
    if returning.is_alive():
        say(
            f"The queue did not answer within {RETURN_SECONDS} s. The next reconciliation on this "
            "machine finds what was running.",
            is_error=True,
        )
