"""Small files that several processes read while one writes."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace a file in one step; `durable`: it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    with aside.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)
    if durable:
        sync_folder(path.parent)


def write_json(path: Path, document: Any, *, durable: bool = False) -> None:
    """Replace a file by a JSON document."""
    write_whole(path, json.dumps(document).encode(), durable=durable)


def read_json(path: Path) -> Any:
    """Return a JSON document, None when it is absent or broken."""
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def sync_folder(folder: Path) -> None:
    """Make what was moved into a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(path: Path, *, wait: bool) -> Iterator[bool]:
    """Hold a lock file, which the kernel frees when the process dies; yield whether it is held."""
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
    """Translate what the file system refuses.

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
