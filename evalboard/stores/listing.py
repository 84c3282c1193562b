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
"""A file that was written this recently can change again without a new time stamp."""
MANY_FILES = 1000
"""Files that had to be read, after which the listing is written for the next process."""


class Seen(NamedTuple):
    """A file as it was last seen.

    The change time is used because programs can set the modification time. A copy of the folder has
    others, so a listing that was copied with it is not believed.
    """

    ctime: int
    """Nanoseconds."""
    size: int
    blob: str


class Folder(NamedTuple):
    """What was in a folder when it was last looked into."""

    ctime: int
    """Nanoseconds: the time of the last file or folder that came, left or got another name."""
    folders: tuple[str, ...]
    """Paths that end with `/`."""
    files: tuple[str, ...]
    """Paths of all else that may be content."""


class Listing:
    """What a process has seen of one folder.

    Args:
        root: The folder.
        kept: File for the next process.
    """

    def __init__(self, root: Path, kept: Path) -> None:
        self._root, self._kept = str(root), kept
        self._seen: Mapping[str, Seen] | None = None
        self._folders: Mapping[str, Folder] = {}
        self._n_read = 0

    def files(self, under: str = "") -> dict[str, str]:
        """Return the blob id of every file in a folder, empty for all, sorted by path.

        An unreadable folder raises an error and is not treated as empty.
        """
        before = self._before()
        now = time.time_ns()
        folder = f"{under}/" if under else ""
        seen, folders = self._look_into(folder, before)
        settled = {path: e for path, e in seen.items() if now - e.ctime > SETTLED_NANOSECONDS}
        unchanging = {p: f for p, f in folders.items() if now - f.ctime > SETTLED_NANOSECONDS}
        if folder:
            settled |= {p: entry for p, entry in before.items() if not p.startswith(folder)}
            unchanging |= {p: f for p, f in self._folders.items() if not p.startswith(folder)}
        self._seen, self._folders = settled, unchanging
        self._keep()
        return {path: seen[path].blob for path in sorted(seen)}

    def _look_into(
        self, folder: str, before: Mapping[str, Seen]
    ) -> tuple[dict[str, Seen], dict[str, Folder]]:
        """Return the files that may be content, and the folders that they are in.

        Args:
            folder: Path of the folder that ends with `/`; empty for all.
            before: What was there before.
        """
        seen: dict[str, Seen] = {}
        folders: dict[str, Folder] = {}
        inside = [folder]
        while inside:
            folder = inside.pop()
            found = self._folder(folder)
            if found is None:
                continue
            folders[folder] = found
            inside += found.folders
            for path in found.files:
                known = before.get(path)
                if known and _is_unchanged(f"{self._root}/{path}", known):
                    seen[path] = known
                elif file := self._read(f"{self._root}/{path}"):
                    seen[path] = file
        return seen, folders

    def _folder(self, folder: str) -> Folder | None:
        """Return what is in a folder, None if it is gone."""
        place, known = f"{self._root}/{folder}", self._folders.get(folder)
        try:
            ctime = os.stat(place).st_ctime_ns
            return known if known and known.ctime == ctime else _content(place, folder, ctime)
        except FileNotFoundError:
            return None

    def _before(self) -> Mapping[str, Seen]:
        if self._seen is None:
            self._seen = read_state(self._kept, _parse) or {}
        return self._seen

    def _read(self, path: str) -> Seen | None:
        self._n_read += 1
        return look(path)

    def _keep(self) -> None:
        """Write the listing where many files had to be read. A folder need not be writable."""
        if self._n_read < MANY_FILES or not self._seen:
            return
        self._n_read = 0
        lines = "".join([f"{e.ctime} {e.size} {e.blob} {p}\n" for p, e in self._seen.items()])
        with suppress(OSError):
            write_state(self._kept, {"lines": lines, "checksum": zlib.crc32(lines.encode())})


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


def _content(place: str, folder: str, ctime: int) -> Folder:
    """Look into a folder whose change time was this one before."""
    folders: list[str] = []
    files: list[str] = []
    with os.scandir(place) as entries:
        for entry in entries:
            path = folder + entry.name
            if not is_content_name(entry.name):
                continue
            if entry.is_dir(follow_symlinks=False):
                folders.append(f"{path}/")
            else:
                files.append(path)
    return Folder(ctime, tuple(folders), tuple(files))


def _parse(document: dict[str, Any]) -> dict[str, Seen]:
    """Return the files of a listing.

    Raises:
        ValueError: It is damaged. AttributeError, KeyError: It is none.
    """
    lines: str = document["lines"]
    if zlib.crc32(lines.encode()) != document["checksum"]:
        raise ValueError("its checksum is wrong")
    parts = (line.split(" ", 3) for line in lines.split("\n")[:-1])
    return {path: Seen(int(ctime), int(size), blob) for ctime, size, blob, path in parts}
