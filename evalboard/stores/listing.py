"""The files of a folder with git's blob ids, without reading again what has not changed.

A process remembers what it saw, also what is in each folder: only one that has changed is looked into
again, and of the files in all others only the time is asked. Where many files had to be read, it also
writes what it saw to a file in the folder, for the next process: a results store with 10,000 models has
190,000 files in 80,000 folders.
"""

import hashlib
import os
import stat
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.files import read_state, write_state
from evalboard.stores.paths import is_content_name

SETTLED_NANOSECONDS = 2_000_000_000
"""What was changed this recently can change again without a new time stamp."""
MANY_FILES = 1000
"""Files that had to be read, after which the listing is written for the next process."""
UNSETTLED = 0
"""In place of a change time, where the next look must not believe it."""


class Seen(NamedTuple):
    """A file as it was last seen.

    The change time is used because programs can set the modification time. A copy of the folder has
    others, so a listing that was copied with it is not believed.
    """

    ctime: int
    """Nanoseconds, or `UNSETTLED`."""
    size: int
    blob: str


class Folder(NamedTuple):
    """What was in a folder when it was last looked into."""

    ctime: int
    """Nanoseconds, or `UNSETTLED`: the time of the last file or folder that came, left or got another
    name."""
    entries: tuple[str, ...]
    """Paths of all that may be content, sorted backwards; those of folders end with `/`."""


class _Known(NamedTuple):
    """What was seen, by path; the paths of folders end with `/`."""

    files: Mapping[str, Seen]
    folders: Mapping[str, Folder]


class Listing:
    """What a process has seen of one folder.

    Args:
        root: The folder.
        kept: File for the next process.
    """

    def __init__(self, root: Path, kept: Path) -> None:
        self._root, self._kept = str(root), kept
        self._known: _Known | None = None
        self._n_read = 0

    def files(self, under: str = "") -> dict[str, str]:
        """Return the blob id of every file in a folder, empty for all, sorted by path.

        An unreadable folder raises an error and is not treated as empty.
        """
        before = self._before()
        folder = f"{under}/" if under else ""
        found = self._look_into(folder, before)
        self._known = _with_others(found, before, folder) if folder else found
        self._keep()
        return {path: seen.blob for path, seen in found.files.items()}

    def _look_into(self, folder: str, before: _Known) -> _Known:
        """Return all that may be content, each folder before what is in it, otherwise sorted.

        Args:
            folder: Path of the folder that ends with `/`; empty for all.
            before: What was there before.
        """
        settled = time.time_ns() - SETTLED_NANOSECONDS
        seen: dict[str, Seen] = {}
        folders: dict[str, Folder] = {}
        inside = [folder]
        while inside:
            path = inside.pop()
            if path.endswith("/") or not path:
                if found := self._folder(path, before.folders.get(path), settled):
                    folders[path] = found
                    inside += found.entries
                continue
            place, known = f"{self._root}/{path}", before.files.get(path)
            if known and _is_unchanged(place, known):
                seen[path] = known
            elif file := self._read(place, settled):
                seen[path] = file
        return _Known(seen, folders)

    def _read(self, place: str, settled: int) -> Seen | None:
        """Return the present state of a file, None if it is gone."""
        self._n_read += 1
        found = look(place)
        return found._replace(ctime=UNSETTLED) if found and found.ctime > settled else found

    def _folder(self, folder: str, known: Folder | None, settled: int) -> Folder | None:
        """Return what is in a folder, None if it is gone."""
        place = f"{self._root}/{folder}"
        try:
            ctime = os.stat(place).st_ctime_ns
            if known and known.ctime == ctime:
                return known
            return Folder(UNSETTLED if ctime > settled else ctime, _content(place, folder))
        except FileNotFoundError:
            return None

    def _before(self) -> _Known:
        if self._known is None:
            self._known = read_state(self._kept, _parse) or _Known({}, {})
        return self._known

    def _keep(self) -> None:
        """Write the listing where many files had to be read. A folder need not be writable."""
        if self._n_read < MANY_FILES or not self._known or not self._known.files:
            return
        self._n_read = 0
        columns = _columns(self._known)
        with suppress(OSError):
            write_state(self._kept, {"columns": columns, "checksum": _checksum(columns)})


def look(path: str) -> Seen | None:
    """Return a file as it is, None if there is no such file."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode):
            return None
        return Seen(status.st_ctime_ns, status.st_size, _blob_id_of_file(path, status.st_size))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_unchanged(path: str, known: Seen) -> bool:
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return status.st_ctime_ns == known.ctime and status.st_size == known.size


def _blob_id_of_file(path: str, size: int) -> str:
    """Return git's id of a file without reading all of it into memory."""
    found = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with open(path, "rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def _content(place: str, folder: str) -> tuple[str, ...]:
    """Return the entries of a folder, see `Folder`."""
    with os.scandir(place) as entries:
        found = [
            f"{folder}{entry.name}{'/' if entry.is_dir(follow_symlinks=False) else ''}"
            for entry in entries
            if is_content_name(entry.name)
        ]
    return tuple(sorted(found, reverse=True))


def _with_others(found: _Known, before: _Known, folder: str) -> _Known:
    """Return what was found in a folder, with all that was known of the others."""
    files = {path: seen for path, seen in before.files.items() if not path.startswith(folder)}
    folders = {path: one for path, one in before.folders.items() if not path.startswith(folder)}
    return _Known(files | dict(found.files), folders | dict(found.folders))


def _columns(known: _Known) -> dict[str, str]:
    """Return a listing as texts, each with a line for every file or folder, which Python splits fast."""
    times, sizes, blobs = zip(*known.files.values(), strict=True)
    entries = (
        "\t".join([entry[len(path) :] for entry in folder.entries])
        for path, folder in known.folders.items()
    )
    columns = {
        "files": known.files,
        "times": map(str, times),
        "sizes": map(str, sizes),
        "blobs": blobs,
        "folders": known.folders,
        "folder_times": (str(folder.ctime) for folder in known.folders.values()),
        "entries": entries,
    }
    return {name: "\n".join(lines) for name, lines in columns.items()}


def _checksum(columns: Mapping[str, str]) -> int:
    return zlib.crc32("\0".join(columns.values()).encode())


def _parse(document: dict[str, Any]) -> _Known:
    """Return what a listing tells.

    Raises:
        ValueError: It is damaged. AttributeError, KeyError: It is none.
    """
    columns: dict[str, str] = document["columns"]
    if _checksum(columns) != document["checksum"]:
        raise ValueError("its checksum is wrong")
    files, times, sizes, blobs, folders, folder_times, entries = (
        column.split("\n") for column in columns.values()
    )
    seen = map(Seen._make, zip(map(int, times), map(int, sizes), blobs, strict=True))
    inside = map(Folder, map(int, folder_times), map(_paths, folders, entries))
    return _Known(dict(zip(files, seen, strict=True)), dict(zip(folders, inside, strict=True)))


def _paths(folder: str, names: str) -> tuple[str, ...]:
    return tuple([folder + name for name in names.split("\t")]) if names else ()
