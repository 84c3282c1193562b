"""Flows without lasting services: a Prefect server and a local Ray, in this process tree."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

import psutil

from evalboard.cli.reporting import console
from evalboard.services import Services, listen
from evalboard.settings import Settings, child_environment, environment_of, set_environment

STARTUP_SECONDS = 120
INTERRUPTED = 130
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

    An interrupt stops the server and then ends this process at once, without waiting for the
    evaluations in other threads. They continue later, as after any other end of their process.

    Yields:
        A function that waits until the server answers, and raises ConfigError if it does not.
    """
    prefect_home = str((settings.home / "prefect").resolve())
    own = child_environment(
        settings,
        PREFECT_HOME=prefect_home,
        PREFECT_SERVER_MEMO_STORE_PATH=f"{prefect_home}/memo_store.toml",
        PREFECT_LOGGING_LEVEL="ERROR",
    )
    with Services(settings.home.resolve() / "logs", own, on_interrupt=_end) as services:
        if settings.prefect_api_url is not None:
            use_server(settings, settings.prefect_api_url)
            yield lambda: None
            return
        listener = listen("127.0.0.1", 0, setting="EVALBOARD_SERVER")
        api_url = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        program = [sys.executable, "-m", "deployments.server", "--only-api"]
        services.start("server", program, listener=listener)
        use_server(settings, api_url)
        # Its address ends with this process: claims and pages do not name it.
        set_environment({"PREFECT_HOME": prefect_home, "EVALBOARD_PREFECT_API_URL": "none"})
        yield lambda: services.wait_for(
            "server", f"{api_url}/health", timeout_seconds=STARTUP_SECONDS
        )


def use_server(settings: Settings, api_url: str) -> None:
    """Let this process call a server. Call it before the import of Prefect."""
    variables = environment_of(settings) | LOGGING
    variables["DO_NOT_TRACK"] = "1"
    variables["PREFECT_LOGGING_LEVEL"] = "ERROR"
    variables["PREFECT_API_URL"] = api_url
    set_environment(variables)


def _end() -> NoReturn:
    """End at once, and with this process everything that Ray has started for it.

    Ray's servers end with their parent by themselves, but their helpers take minutes to notice.
    """
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    console.show_cursor()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(INTERRUPTED)
