"""Files written so that no reader sees a part of one, and logs read from their end."""

import os
import uuid
from pathlib import Path


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Replace a file in one step, and make the folders above it.

    Several processes may do it at the same time: each writes under a name of its own first, and
    the last one stays.

    Args:
        path: The file.
        content: All of it.
        durable: Whether it survives a power cut when this returns.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    if durable:
        write_synced(aside, content)
    else:
        aside.write_bytes(content)
    aside.replace(path)
    if durable:
        sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a file that survives a power cut once its folder does."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make what was moved into a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_end(path: Path, *, max_bytes: int, begin: int = 0) -> str:
    """Return the end of a text that is still being written; empty when there is no such file.

    Args:
        path: The file.
        max_bytes: How much of it is read.
        begin: Byte from which on it counts.
    """
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(begin, path.stat().st_size - max_bytes))
        return file.read().decode("utf-8", errors="replace")
