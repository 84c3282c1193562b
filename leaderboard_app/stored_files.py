"""Single files of a store, found and read without listing all of it.

A results store holds ten files for every model that was ever evaluated. A page needs those of one,
so it reads them where they lie: in a folder directly, on the Hub by name.
"""

import os
import time
from pathlib import Path
from threading import Lock
from typing import Protocol

from evalboard.errors import FileTooLarge, StoreError
from evalboard.settings import Settings
from evalboard.stores.opening import is_hosted, open_store
from evalboard.stores.paths import is_content_name, is_content_path
from evalboard.stores.protocol import ABSENT, Snapshot, Store

MAX_BYTES = 64 * 2**20
"""A larger file is not read."""
HOSTED_SECONDS = 10.0
"""Between two looks at a store on the Hub for its newest state: each is a call that it counts."""


class StoredFiles(Protocol):
    """What pages ask of a store's files."""

    @property
    def lists_quickly(self) -> bool:
        """Whether `under` costs no more than reading one folder."""
        ...

    def under(self, folder: str) -> list[str]:
        """Return the path of every file below a folder, sorted; none where it is absent."""
        ...

    def stamp(self, path: str) -> str | None:
        """Return a name of the file's content that changes with it, None where there is none."""
        ...

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            StoreError: It is absent, larger than `MAX_BYTES`, or cannot be read.
        """
        ...


def open_files(address: str, settings: Settings) -> StoredFiles:
    """Return the files of the store at an address; raises as `open_store` does."""
    if is_hosted(address):
        return HostedFiles(open_store(address, settings), max_age_seconds=HOSTED_SECONDS)
    return FolderFiles(Path(address))


class FolderFiles:
    """Files of a store in a folder. Commits replace files whole, so no lock is needed to read."""

    lists_quickly = True

    def __init__(self, root: Path) -> None:
        self._root = root

    def under(self, folder: str) -> list[str]:
        """Return the path of every file below a folder."""
        if not is_content_path(folder):
            return []
        found: list[str] = []
        for where, folders, names in os.walk(self._root / folder):
            folders[:] = filter(is_content_name, folders)
            place = Path(where).relative_to(self._root)
            found += [(place / name).as_posix() for name in names if is_content_name(name)]
        return sorted(found)

    def stamp(self, path: str) -> str | None:
        """Return the file's time of change and size."""
        if not is_content_path(path):
            return None
        try:
            status = (self._root / path).stat()
        except OSError:
            return None
        return f"{status.st_mtime_ns}-{status.st_size}"

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        if not is_content_path(path):
            raise StoreError(f"Path {path!r} is not that of a stored file.")
        file = self._root / path
        try:
            if (size := file.stat().st_size) > MAX_BYTES:
                raise FileTooLarge.of(path, str(self._root), size, MAX_BYTES)
            return file.read_bytes()
        except OSError as exc:
            raise StoreError(f"File {path!r} in {str(self._root)!r} cannot be read: {exc}") from exc


class HostedFiles:
    """Files of a store on the Hub, as of at most `max_age_seconds` ago. Thread-safe."""

    lists_quickly = False

    def __init__(self, store: Store, *, max_age_seconds: float) -> None:
        self._store = store
        self._max_age_seconds = max_age_seconds
        self._lock = Lock()
        self._next_look = 0.0
        self._snapshot: Snapshot | None = None

    def under(self, folder: str) -> list[str]:
        """Return the path of every file below a folder; lists the whole store."""
        with self._lock:
            return sorted(path for path in self._newest().files if path.startswith(f"{folder}/"))

    def stamp(self, path: str) -> str | None:
        """Return the file's blob id."""
        with self._lock:
            blob = self._newest().blobs([path])[path]
        return None if blob == ABSENT else blob

    def read(self, path: str) -> bytes:
        """Return a file's content."""
        with self._lock:
            return self._newest().read(path, at_most=MAX_BYTES)

    def _newest(self) -> Snapshot:
        if self._snapshot is None or time.monotonic() >= self._next_look:
            self._snapshot = self._store.snapshot()
            self._next_look = time.monotonic() + self._max_age_seconds
        return self._snapshot
