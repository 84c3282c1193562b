"""Measure the memory of `evalboard up` and all its processes."""

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from evalboard.errors import HarnessError
from evalboard.services import Services

SAMPLE_SECONDS = 0.5
TIMEOUT_SECONDS = 3600


class Memory(NamedTuple):
    """The memory of a process tree at one moment."""

    bytes: int
    """Sum of the proportional set sizes: pages that several processes share count once."""
    processes: int


def peak_of_up(environment: dict[str, str], logs: Path, *, until: Callable[[], bool]) -> Memory:
    """Return the peak of `evalboard up` from its start until something has happened.

    Raises:
        ConfigError: It ended by itself; the message names its log.
        HarnessError: Nothing happened for an hour.
    """
    server, viewer = free_ports()
    ports = {"EVALBOARD_SERVER_PORT": str(server), "EVALBOARD_VIEWER_PORT": str(viewer)}
    deadline = time.monotonic() + TIMEOUT_SECONDS
    peak = Memory(0, 0)
    with Services(logs, environment | ports) as services:
        process = psutil.Process(services.start("up", [sys.executable, "-m", "evalboard", "up"]))
        while not until():
            services.check()
            if time.monotonic() > deadline:
                raise HarnessError(
                    f"`evalboard up` produced no result within {TIMEOUT_SECONDS} s. See its log "
                    f"{str(services.log_file('up'))!r}."
                )
            peak = max(peak, tree_memory(process))
            time.sleep(SAMPLE_SECONDS)
    return peak


def tree_memory(process: psutil.Process) -> Memory:
    """Return the current memory of a process and all its descendants."""
    tree = [process, *process.children(recursive=True)]
    return Memory(sum(_proportional_size(member) for member in tree), len(tree))


def free_ports() -> tuple[int, int]:
    """Return two free ports."""
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as two,
    ):
        return one.getsockname()[1], two.getsockname()[1]


def _proportional_size(process: psutil.Process) -> int:
    """Return the size in bytes; 0 for a process that has just ended."""
    try:
        return process.memory_full_info().pss
    except psutil.Error:
        return 0
