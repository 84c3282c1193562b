"""This project's own files: replaced whole, appended whole or not at all, and read with doubt.

A disk that was full, a power cut or another version leaves files that are not what their names
promise. Such a file is moved aside under a name that says so (`NAME.torn-HASH`), the log says it
once, and work continues without it.
"""

import hashlib
import json
import logging
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

VERSION = 1
"""Of the layout of state files. A file with a higher one is from a later version of this project."""
_DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError)
"""What parsing raises on content of another kind. JSON, UTF-8 and pydantic raise ValueErrors."""

logger = logging.getLogger(__name__)
_told: set[Path] = set()


def write_state(path: Path, document: Mapping[str, Any], *, durable: bool = False) -> None:
    """Replace a state file with a JSON object; see `write_whole`."""
    content = json.dumps({"version": VERSION, **document}, ensure_ascii=False)
    write_whole(path, content.encode(), durable=durable)


def read_state(path: Path, parse: Callable[[dict[str, Any]], T]) -> T | None:
    """Return what a state file contains. None if it is missing, or is moved aside as damaged.

    Args:
        path: The file.
        parse: Function of its JSON object. It may raise what Python raises on wrong content.
    """
    content = None
    try:
        content = path.read_bytes()
        return parse(_document(content))
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        problem = "a folder is in its place"
    except _DAMAGE as exc:
        problem = f"{type(exc).__name__}: {exc}"
    set_aside(path, problem, content)
    return None


def _document(content: bytes) -> dict[str, Any]:
    document: Any = json.loads(content)
    if not isinstance(document, dict):
        raise TypeError("it contains no JSON object")
    check_version(document)
    return document


def check_version(document: Mapping[str, Any]) -> None:
    """Check that a later version of this project has not written a JSON object.

    Raises:
        ValueError: It has, or its version is not a number.
    """
    version = document.get("version", VERSION)
    if isinstance(version, bool) or not isinstance(version, int):
        raise ValueError(f"its version is {version!r}")
    if version > VERSION:
        raise ValueError(f"it is from a later version ({version}, this one is {VERSION})")


def set_aside(
    path: Path, problem: str, content: bytes | None = None, *, keep: bytes | None = None
) -> None:
    """Move a damaged file to `NAME.torn-HASH`, and say so in the log.

    Where nothing can be moved, as on a read-only disk, the file stays and the log says it once.

    Args:
        path: The file, or a folder in its place.
        problem: What is wrong with it.
        content: What was read. A writer may have replaced the file since; then it stays.
        keep: The good part, which takes its place.
    """
    mark = hashlib.sha256(content).hexdigest()[:8] if content is not None else uuid.uuid4().hex[:8]
    aside = path.with_name(f"{path.name}.torn-{mark}")
    try:
        path.rename(aside)
        if content is not None and aside.read_bytes() != content:
            _put_back(aside, path)
            return
    except FileNotFoundError:  # another process was faster
        return
    except OSError as exc:
        if path not in _told:
            logger.warning("%s is damaged (%s), and cannot be moved: %s", path, problem[:500], exc)
            _told.add(path)
        return
    if keep is not None:
        try:
            write_whole(path, keep)
        except OSError:  # of a full disk: the next reader tries again
            aside.rename(path)
            raise
    logger.warning("%s is damaged (%s). It is now %s.", path, problem[:500], aside.name)


def _put_back(aside: Path, path: Path) -> None:
    with suppress(FileExistsError):  # a still newer one is there
        os.link(aside, path)
    aside.unlink()


class Disk(NamedTuple):
    """The space of a disk, in bytes."""

    total: int
    free: int


def disk_of(folder: Path) -> Disk:
    """Return the disk with a folder, which need not exist yet.

    Raises:
        OSError: The disk cannot be reached.
    """
    *inner, root = (folder.absolute(), *folder.absolute().parents)
    for place in inner:
        with suppress(FileNotFoundError):
            return _disk_at(place)
    return _disk_at(root)


def _disk_at(place: Path) -> Disk:
    usage = shutil.disk_usage(place)
    return Disk(usage.total, usage.free)


def append_whole(descriptor: int, content: bytes) -> None:
    """Append to a file all of it or nothing. The caller is the only writer.

    Raises:
        OSError: Not all of it could be written, as on a full disk.
    """
    end = os.fstat(descriptor).st_size
    left = memoryview(content)
    try:
        while left:  # a disk that becomes full takes a part first, and raises the next time
            left = left[os.write(descriptor, left) :]
    except OSError:
        os.ftruncate(descriptor, end)
        raise


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
    try:
        if durable:
            write_synced(aside, content)
        else:
            aside.write_bytes(content)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
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
