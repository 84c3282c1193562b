"""Marks of runs: a file for each in the work folder, locked as long as its process lives.

The kernel drops a lock with the process that has it, whatever ended that process. Every other
process of the same kernel sees that, also in another container, where a process id means nothing.
The machine of a mark says whether its lock can be believed (`evalboard.machine`).
"""

import fcntl
import json
import logging
import os
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from evalboard.files import read_state
from evalboard.machine import Machine, this_machine
from evalboard.settings import Settings

logger = logging.getLogger(__name__)

_RUN_ID = re.compile(r"[\w-]{1,100}")


@contextmanager
def marked(run_id: str, settings: Settings) -> Iterator[None]:
    """Mark a run as alive in this context. A process that is killed leaves its mark unlocked.

    If the work folder takes no mark, the run continues without one.
    """
    mark = _mark_of(run_id, settings)
    lock = _make(mark) if mark else None
    try:
        yield
    finally:
        if mark and lock is not None:
            if _is_file(mark, lock):
                mark.unlink()
            os.close(lock)


def is_alive(run_id: str, settings: Settings) -> bool | None:
    """Return whether a process holds the mark of a run, None if there is no mark.

    False means that its process has ended only if it was of this kernel: some network disks do not
    show the locks of other machines.
    """
    mark = _mark_of(run_id, settings)
    return _is_locked(mark) if mark else None


def dead_runs(settings: Settings) -> list[str]:
    """Return the runs with marks whose processes ended on this machine, before or after a reboot."""
    here = this_machine()
    dead: list[str] = []
    for mark in _folder(settings).glob("*"):
        machine = read_state(mark, _machine) if _RUN_ID.fullmatch(mark.name) else None
        if machine and machine.shows_locks_to(here) and _is_locked(mark) is False:
            dead.append(mark.name)
    return sorted(dead)


def forget(run_id: str, settings: Settings) -> None:
    """Remove the mark of a run that is gone."""
    if mark := _mark_of(run_id, settings):
        with suppress(OSError):  # the next one removes it
            mark.unlink(missing_ok=True)


def _folder(settings: Settings) -> Path:
    return settings.work_folder / "runs"


def _mark_of(run_id: str, settings: Settings) -> Path | None:
    """Return the file of a mark, None if the id cannot be a file's name."""
    return _folder(settings) / run_id if _RUN_ID.fullmatch(run_id) else None


def _make(mark: Path) -> int | None:
    """Make a mark and return the descriptor that locks it, None if that is not possible.

    It gets its name after its lock, so nobody sees it unlocked.
    """
    aside = mark.with_name(f".{mark.name}.{uuid.uuid4().hex}")
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError as exc:
        logger.warning("Run %s has no mark in the work folder: %s", mark.name, exc)
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(lock, json.dumps(this_machine()._asdict()).encode())
        aside.rename(mark)
    except OSError as exc:  # a full disk, or one without locks
        logger.warning("Run %s has no mark in the work folder: %s", mark.name, exc)
        aside.unlink(missing_ok=True)
        os.close(lock)
        return None
    return lock


def _is_locked(mark: Path) -> bool | None:
    """Return whether a process holds a mark, None if it is missing or shows no locks."""
    try:
        looking = os.open(mark, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(looking)
    return False


def _is_file(mark: Path, descriptor: int) -> bool:
    """Return whether a mark is still the file of a descriptor."""
    try:
        return os.path.samestat(mark.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _machine(document: dict[str, str]) -> Machine:
    return Machine(document["host"], document["boot"])
