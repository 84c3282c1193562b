"""Who holds a request: the claim of a run, and whether the process behind it is still there.

A process number alone is not enough, since numbers are given out again: the time at which the
process started goes with it. Nor is a host's name, since containers may share it: so does the
namespace in which the number counts.
"""

import os
import socket
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psutil

from evalboard.errors import LifecycleError
from evalboard.lifecycle import release
from evalboard.records.request import Claim, RequestRecord
from evalboard.settings import Settings

TOLERANCE_SECONDS = 1.0
_NAMESPACE = Path("/proc/self/ns/pid")


class Process(NamedTuple):
    """One process on one machine."""

    host: str
    pid: int
    started: float
    """Seconds since the epoch."""
    pid_namespace: int | None = None
    """Id of the namespace that the number belongs to; None where the system has none."""


def this_process() -> Process:
    """Return the process that calls."""
    started = psutil.Process().create_time()
    return Process(socket.gethostname(), os.getpid(), started, pid_namespace())


def pid_namespace() -> int | None:
    """Return the id of this process's namespace of process numbers; None where there is none."""
    try:
        return _NAMESPACE.stat().st_ino
    except OSError:
        return None


def claim_of(run_id: str, process: Process, *, server: str = "") -> Claim:
    """Return a claim that carries its process, and the Prefect server that knows its run."""
    return Claim(
        run_id=run_id,
        host=process.host,
        pid=process.pid,
        started=process.started,
        pid_namespace=process.pid_namespace,
        server=server,
    )


def is_dead(claim: Claim) -> bool:
    """Return whether the claim's process was on this machine and is gone, or is only a zombie.

    False where nothing can be said: another machine's claim, or one that names no process.
    """
    return _lives(claim) is False


def is_alive(claim: Claim) -> bool:
    """Return whether the claim's process is on this machine and there.

    False where nothing can be said: another machine's claim, or one that names no process.
    """
    return _lives(claim) is True


def _lives(claim: Claim) -> bool | None:
    """Return whether the process is there; None where nothing can be said."""
    elsewhere = claim.host != socket.gethostname() or (
        claim.pid_namespace is not None and claim.pid_namespace != pid_namespace()
    )
    if elsewhere or claim.pid is None or claim.started is None:
        return None
    try:
        process = psutil.Process(claim.pid)
        is_another = abs(process.create_time() - claim.started) > TOLERANCE_SECONDS
        return not is_another and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def server_name(settings: Settings) -> str:
    """Return how claims name the Prefect server that knows their runs.

    Its address, or the place of the database of servers that live no longer than their process.
    """
    own = f"{socket.gethostname()}:{settings.home.resolve()}"
    return settings.prefect_api_url or own


def released(record: RequestRecord, *, now: datetime) -> RequestRecord:
    """Return a RUNNING request as PENDING when the process that claimed it is gone.

    Raises:
        LifecycleError: It is being worked on, as far as this machine can tell.
    """
    claimed_by = record.evalboard.claimed_by
    if claimed_by is None or not is_dead(claimed_by):
        who = f"run {claimed_by.run_id} on {claimed_by.host}" if claimed_by else "another program"
        raise LifecycleError(f"{record.model!r} is already being evaluated by {who}.")
    reason = f"run {claimed_by.run_id} on {claimed_by.host} stopped without a result"
    return release(record, now=now, reason=reason)
