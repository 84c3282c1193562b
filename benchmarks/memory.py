"""Watch how much memory `evalboard up` takes, with everything that it starts."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psutil

from benchmarks.evaluation import put_request, require_finished, status_of
from benchmarks.material import Material
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
    deadline = time.monotonic() + TIMEOUT_SECONDS
    peak = Memory(0, 0)
    with _up(material) as process:
        while status_of(settings, path) in (Status.PENDING, Status.RUNNING):
            if process.poll() is not None or time.monotonic() > deadline:
                raise ConfigError(
                    f"`evalboard up` gave no result within {TIMEOUT_SECONDS} s or ended; its logs "
                    f"are in {str(settings.home)!r}."
                )
            peak = max(peak, tree_memory(psutil.Process(process.pid)))
            time.sleep(SAMPLE_SECONDS)
    require_finished(settings, path)
    return peak


def tree_memory(process: psutil.Process) -> Memory:
    """Return what a process and all its descendants hold now."""
    tree = [process, *process.children(recursive=True)]
    return Memory(sum(_proportional_size(member) for member in tree), len(tree))


@contextmanager
def _up(material: Material) -> Iterator[subprocess.Popen[bytes]]:
    """Run `evalboard up`; leaving the context waits until it has stopped all that it started."""
    server, viewer = free_ports()
    environment = material.environment(
        RUN, EVALBOARD_SERVER_PORT=str(server), EVALBOARD_VIEWER_PORT=str(viewer)
    )
    with (
        (material.folder / RUN / "up.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, "-m", "evalboard", "up"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)


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
