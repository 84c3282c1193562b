"""Watch how much memory `evalboard up` takes, with everything that it starts."""

import socket
import sys
import time
from typing import NamedTuple

import psutil

from benchmarks.evaluation import put_request, require_finished, status_of
from benchmarks.material import Material
from evalboard.cli.services import Services
from evalboard.errors import ConfigError
from evalboard.records.request import Status

RUN = "evalboard-up"
SAMPLE_SECONDS = 0.5
TIMEOUT_SECONDS = 3600


class Memory(NamedTuple):
    """What a process tree holds at one moment."""

    bytes: int
    """Sum of the proportional set sizes: pages that several processes share count once."""
    processes: int


def measure_up(material: Material) -> Memory:
    """Return the peak of `evalboard up` until one evaluation has finished.

    Raises:
        ConfigError: It ended by itself, or the evaluation took more than an hour.
        HarnessError: The request did not end with a result.
    """
    settings = material.settings_of(RUN)
    path = put_request(settings)
    server, viewer = free_ports()
    environment = material.environment(
        RUN, EVALBOARD_SERVER_PORT=str(server), EVALBOARD_VIEWER_PORT=str(viewer)
    )
    deadline = time.monotonic() + TIMEOUT_SECONDS
    peak = Memory(0, 0)
    with Services(material.folder / RUN / "logs", environment) as services:
        services.start(RUN, [sys.executable, "-m", "evalboard", "up"])
        while status_of(settings, path) in (Status.PENDING, Status.RUNNING):
            services.check()
            peak = max(peak, tree_memory(psutil.Process()))
            if time.monotonic() > deadline:
                raise ConfigError(f"No result after {TIMEOUT_SECONDS} s; see {settings.home}.")
            time.sleep(SAMPLE_SECONDS)
    require_finished(settings, path)
    return peak


def tree_memory(process: psutil.Process) -> Memory:
    """Return what all descendants of a process hold now, the process itself left out."""
    sizes = [_proportional_size(child) for child in process.children(recursive=True)]
    return Memory(sum(sizes), len(sizes))


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens on."""
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
