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
    return Claim.model_validate({"run_id": run_id, **process._asdict()})


def is_dead(claim: Claim) -> bool:
    """Return whether the claim's process was on this machine and is gone.

    False where nothing can be said: another machine's claim, or one that names no process.
    """
    known = claim.model_dump()
    if claim.host != socket.gethostname() or "pid" not in known or "started" not in known:
        return False
    try:
        started = psutil.Process(int(known["pid"])).create_time()
    except psutil.NoSuchProcess:
        return True
    return abs(started - float(known["started"])) > TOLERANCE_SECONDS
