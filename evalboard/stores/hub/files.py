"""Locks, and values of state files, which have one writer and several readers."""

import fcntl
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evalboard.errors import StoreError


def text(value: object) -> str:
    """Return a text of a state file.

    Raises:
        TypeError: It is something else.
    """
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def seconds(value: object) -> float:
    """Return a time of a state file.

    Raises:
        TypeError: It is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r} is no time")
    return value


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock file and yield whether it is held. The kernel frees it when the process dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def folder_errors(folder: Path) -> Iterator[None]:
    """Translate errors of the file system.

    Raises:
        StoreError: With what to do about it.
    """
    try:
        yield
    except OSError as exc:
        raise StoreError(
            f"Folder {str(folder)!r} with the local copy of a store on the Hub cannot be used: "
            f"{exc}. Set EVALBOARD_HUB_FOLDER to a writable folder."
        ) from exc
