"""Views: the folders with the links that engines see. A view is locked as long as its engine lives.

Its holder locks it first, and then the engine's process too, which may outlive the holder. The id of
that process would not do: in another container it is the id of no process, and the view of a running
engine would be removed. What is then put at its path is another folder, which a confined process
cannot read.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from evalboard.machine import Machine, this_machine

_BETWEEN = "@"
"""Between host, boot id and a random part in the name of a view. No host has it in its name."""


def make_view(views: Path) -> tuple[Path, int]:
    """Make an empty view, which only this user can read.

    It gets its name after its lock, so nobody sees it unlocked.

    Args:
        views: Folder of all views.

    Returns:
        The view, and the descriptor that locks it.
    """
    views.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=views, prefix="."))
    lock = hold(aside)
    view = views / _BETWEEN.join((*this_machine(), aside.name.removeprefix(".")))
    return aside.rename(view), lock


def hold(view: Path) -> int:
    """Lock a view, beside others who hold it. Return the descriptor that locks it while it is open.

    Raises:
        OSError: The view does not exist.
    """
    lock = os.open(view, os.O_RDONLY | os.O_DIRECTORY)
    with suppress(OSError):  # a disk without locks, where no view counts as abandoned
        fcntl.flock(lock, fcntl.LOCK_SH)
    return lock


def clear_abandoned(views: Path) -> None:
    """Remove the views of engines on this machine that have ended, before or after a reboot."""
    here = this_machine()
    for view, machine in _named(views):
        if machine.shows_locks_to(here) and not _is_held(view):
            shutil.rmtree(view, ignore_errors=True)


def _named(views: Path) -> Iterator[tuple[Path, Machine]]:
    """Yield the views, each with the machine that its name says."""
    for view in views.iterdir():
        host, *boot = view.name.split(_BETWEEN)[:-1]
        if len(boot) == 1:
            yield view, Machine(host, *boot)


def _is_held(view: Path) -> bool:
    """Return whether a process holds a view, or whether that cannot be seen."""
    try:
        lock = os.open(view, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it is another user's, or gone
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False
