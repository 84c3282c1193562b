"""The claim of a run on a request, and the state of the process behind it.

A process id alone is not enough, because ids are reused: the claim also contains the start time. A
host's name is not enough either, because containers can share it: the claim also contains the id of
the kernel's start and the namespace of the process id. What a process id cannot say, the mark of the
run can (`presence`).
"""

import os
import socket
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from evalboard.errors import LifecycleError
from evalboard.files import write_whole
from evalboard.lifecycle import release
from evalboard.machine import Machine, this_machine
from evalboard.queueing import presence
from evalboard.records.request import Claim, RequestRecord, Status
from evalboard.services import is_loopback
from evalboard.settings import Settings

TOLERANCE_SECONDS = 60.0
"""Between two readings of the start of one process: Linux reckons it from the clock, which may be set
meanwhile. No id is given to a second process so soon."""
_NAMESPACE = Path("/proc/self/ns/pid")


class Process(NamedTuple):
    """One process on one machine."""

    machine: Machine
    pid: int
    started: float
    """Seconds since the epoch."""
    pid_namespace: int | None = None
    """Id of the process id's namespace, None if the system has none."""


def this_process() -> Process:
    """Return the calling process."""
    started = psutil.Process().create_time()
    return Process(this_machine(), os.getpid(), started, pid_namespace())


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
        host=process.machine.host,
        boot=process.machine.boot,
        pid=process.pid,
        started=process.started,
        pid_namespace=process.pid_namespace,
        server=server,
    )


def lives(claim: Claim, settings: Settings) -> bool | None:
    """Return whether the claim's process lives, None if that cannot be seen from here.

    A process is alive if it holds the mark of its run, or if its id is here that of a process that
    started at the same time. It is dead if it was of this kernel and neither is true, or if its
    machine has been started again since. A mark is needed for that unless this process has the
    same namespace of ids: without one, the process may live in a container or on a machine that has
    the same name and another work folder.
    """
    mark = presence.is_alive(claim.run_id, settings)
    if mark:
        return True
    here, machine = this_machine(), Machine(claim.host, claim.boot)
    if machine.has_kernel_of(here) and claim.pid_namespace in (None, pid_namespace()):
        exists = _exists(claim)
        return mark if exists is None else exists
    return False if mark is False and machine.shows_locks_to(here) else None


def _exists(claim: Claim) -> bool | None:
    """Return whether the claim's process is among those of this namespace, None if unknown."""
    if claim.pid is None or claim.started is None:
        return None
    try:
        process = psutil.Process(claim.pid)
        is_another = abs(process.create_time() - claim.started) > TOLERANCE_SECONDS
        return not is_another and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def server_name(settings: Settings) -> str:
    """Return the name of the current Prefect server in claims.

    It is the server's address. Every machine has a server of its own at an address like
    `localhost`, so such an address counts together with the installation. A server that ends with
    its process has the path of its database.
    """
    url = settings.prefect_api_url
    if not url:
        return f"{socket.gethostname()}:{settings.home.resolve()}"
    if is_loopback(urlsplit(url).hostname or ""):
        return f"{url} of {_installation(settings.signing_folder)}"
    return url


def _installation(folder: Path) -> str:
    """Return the id of this installation. The first process that needs it makes it."""
    file = folder / "installation.txt"
    if not file.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = folder / f".installation.{uuid.uuid4().hex}"
        write_whole(aside, f"{uuid.uuid4().hex}\n".encode())
        with suppress(FileExistsError):
            os.link(aside, file)
        aside.unlink()
    return file.read_text(encoding="utf-8").strip()


def takes_slot(record: RequestRecord, server: str) -> bool:
    """Return whether a request is evaluated in one of the engine slots that a server gives out.

    Machines with servers of their own share a queue, but not their engines.

    Args:
        record: The request.
        server: Name of the server in claims.
    """
    claimed_by = record.evalboard.claimed_by
    return (
        record.status is Status.RUNNING and claimed_by is not None and claimed_by.server == server
    )


def released(record: RequestRecord, settings: Settings, *, now: datetime) -> RequestRecord:
    """Return a RUNNING request as PENDING if the process of its claim is gone.

    Raises:
        LifecycleError: As far as this machine can see, a run works on the request.
    """
    claimed_by = record.evalboard.claimed_by
    if claimed_by is None or lives(claimed_by, settings) is not False:
        who = f"run {claimed_by.run_id} on {claimed_by.host}" if claimed_by else "another program"
        raise LifecycleError(f"{record.model!r} is already being evaluated by {who}.")
    reason = f"run {claimed_by.run_id} on {claimed_by.host} stopped without a result"
    return release(record, now=now, reason=reason)
