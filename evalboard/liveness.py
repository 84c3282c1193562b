"""Tell whether the process behind a claim is still there.

A process number alone is not enough, since numbers are given out again: the time at which the
process started goes with it.
"""

import os
import socket
from typing import NamedTuple

import psutil

from evalboard.records.request import Claim

TOLERANCE_SECONDS = 1.0


class Process(NamedTuple):
    """One process on one machine."""

    host: str
    pid: int
    started: float
    """Seconds since the epoch."""


def this_process() -> Process:
    """Return the process that calls."""
    return Process(socket.gethostname(), os.getpid(), psutil.Process().create_time())


def claim_of(run_id: str, process: Process) -> Claim:
    """Return a claim that carries its process."""
    return Claim(run_id=run_id, host=process.host, pid=process.pid, started=process.started)


def is_dead(claim: Claim) -> bool:
    """Return whether the claim's process was on this machine and is gone, or is only a zombie.

    False where nothing can be said: another machine's claim, or one that names no process.
    """
    if claim.host != socket.gethostname() or claim.pid is None or claim.started is None:
        return False
    try:
        process = psutil.Process(claim.pid)
        is_another = abs(process.create_time() - claim.started) > TOLERANCE_SECONDS
        return is_another or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
