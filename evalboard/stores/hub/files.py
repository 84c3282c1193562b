"""Small files with one writer and several readers."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError
from evalboard.files import write_whole


def write_json(path: Path, document: Any, *, durable: bool = False) -> None:
    """Replace a file with a JSON document."""
    write_whole(path, json.dumps(document).encode(), durable=durable)


def read_json(path: Path) -> Any:
    """Return a JSON document, None if it is missing or corrupt."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


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
