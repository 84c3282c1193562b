"""The claim of a run on a request, and the state of the process behind it.

A process id alone is not enough, because ids are reused: the claim also contains the start time. A
host's name is not enough either, because containers can share it: the claim also contains the
namespace of the id.
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
    """Id of the process id's namespace, None if the system has none."""


def this_process() -> Process:
    """Return the calling process."""
    started = psutil.Process().create_time()
    return Process(socket.gethostname(), os.getpid(), started, pid_namespace())


def pid_namespace() -> int | None:
    """Return the id of this process's PID namespace, None if there is none."""
    try:
        return _NAMESPACE.stat().st_ino
    except OSError:
        return None


def claim_of(run_id: str, process: Process, *, server: str = "") -> Claim:
    """Return a claim with its process and the Prefect server of its run."""
    return Claim(
        run_id=run_id,
        host=process.host,
        pid=process.pid,
        started=process.started,
        pid_namespace=process.pid_namespace,
        server=server,
    )


def is_dead(claim: Claim) -> bool:
    """Return whether the claim's process was on this machine and is gone or a zombie.

    False if unknown: a claim of another machine, or one without a process.
    """
    return _lives(claim) is False


def is_alive(claim: Claim) -> bool:
    """Return whether the claim's process is running on this machine.

    False if unknown: a claim of another machine, or one without a process.
    """
    return _lives(claim) is True


def _lives(claim: Claim) -> bool | None:
    """Return whether the process exists, None if unknown."""
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
    """Return the name of the current Prefect server in claims.

    It is the server's address, or the path of the database for a server that ends with its process.
    """
    own = f"{socket.gethostname()}:{settings.home.resolve()}"
    return settings.prefect_api_url or own


def released(record: RequestRecord, *, now: datetime) -> RequestRecord:
    """Return a RUNNING request as PENDING if the process of its claim is gone.

    Raises:
        LifecycleError: As far as this machine can see, a run works on the request.
    """
    claimed_by = record.evalboard.claimed_by
    if claimed_by is None or not is_dead(claimed_by):
        who = f"run {claimed_by.run_id} on {claimed_by.host}" if claimed_by else "another program"
        raise LifecycleError(f"{record.model!r} is already being evaluated by {who}.")
    reason = f"run {claimed_by.run_id} on {claimed_by.host} stopped without a result"
    return release(record, now=now, reason=reason)
