"""A Prefect server of this project, for tests."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from evalboard.services import Services, address_of, listen
from evalboard_prefect import deployments

DEADLINE_SECONDS = 120
T = TypeVar("T")


def environment(home: Path, **more: str) -> dict[str, str]:
    registered = {"PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}  # takes seconds
    return {**os.environ, **registered, "PREFECT_HOME": str(home), **more}


def start(services: Services, *arguments: str) -> str:
    """Start a server and return its address."""
    listener = listen("127.0.0.1", 0, setting="EVALBOARD_SERVER")
    address = address_of(listener)
    program = [sys.executable, "-m", f"{deployments.__name__}.server", *arguments]
    services.start("server", program, listener=listener)
    services.wait_for("server", f"{address}/api/health")
    return address


def wait_for(runs: Callable[[], list[T]]) -> list[T]:
    """Return what is found as soon as there is something."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := runs()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found
