"""A cache on disk: the newest tree, and contents by blob id.

Every entry is verified when it is read, and a corrupt entry is read from the Hub again.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError
from evalboard.files import read_state, write_state
from evalboard.stores.hub.dataset import HubFile
from evalboard.stores.hub.files import folder_errors, text
from evalboard.stores.protocol import blob_id

BUSY_SECONDS = 60
PER_QUERY = 500
SPARE_BLOBS = 1000


class Cache:
    """The contents and the newest tree of one store, shared by the processes of a machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tree(self, commit: str) -> dict[str, HubFile] | None:
        """Return the files of a commit, None if the cache has another tree."""
        kept = read_state(self._folder / "tree.json", _tree)
        return kept[1] if kept and kept[0] == commit else None

    def keep_tree(self, commit: str, files: Mapping[str, HubFile]) -> None:
        """Replace the cached tree, and drop contents that the new one does not have."""
        with folder_errors(self._folder):
            write_state(self._folder / "tree.json", {"commit": commit, "files": files})
        with self._database() as database:
            (count,) = database.execute("SELECT count(*) FROM contents").fetchone()
            if count > 2 * len(files) + SPARE_BLOBS:
                needed = {file.blob for file in files.values()}
                kept = [blob for (blob,) in database.execute("SELECT blob FROM contents")]
                database.executemany(
                    "DELETE FROM contents WHERE blob = ?",
                    [(blob,) for blob in kept if blob not in needed],
                )

    def known(self, files: Iterable[HubFile]) -> set[str]:
        """Return the blob ids whose contents are cached."""
        found: set[str] = set()
        with self._database() as database:
            for some in _portions([file.blob for file in files]):
                rows = database.execute(_select("blob", len(some)), some)
                found.update(blob for (blob,) in rows)
        return found

    def contents(self, files: Sequence[HubFile]) -> dict[str, bytes]:
        """Return the cached contents by blob id, without corrupt ones."""
        by_blob = {file.blob: file for file in files}
        found: dict[str, bytes] = {}
        with self._database() as database:
            for some in _portions(list(by_blob)):
                rows = database.execute(_select("blob, content", len(some)), some)
                found |= {b: content for b, content in rows if is_content(by_blob[b], content)}
        return found

    @contextmanager
    def keeping(self) -> Iterator[Callable[[HubFile, bytes], None]]:
        """Yield a function that caches one verified content at once."""
        with self._database() as database:

            def keep(file: HubFile, content: bytes) -> None:
                database.execute(
                    "INSERT OR REPLACE INTO contents VALUES (?, ?)", (file.blob, content)
                )

            yield keep

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        """Open the file of contents. A corrupt file is replaced.

        It is opened each time, so no connection crosses a fork or a thread.
        """
        path = self._folder / "contents.sqlite"
        try:
            with folder_errors(self._folder):
                self._folder.mkdir(parents=True, exist_ok=True)
            with _opened(path) as database:
                yield database
        except sqlite3.OperationalError as exc:
            raise StoreError(
                f"Cache {str(path)!r} cannot be used: {exc}. Free disk space or correct its "
                "permissions."
            ) from exc
        except sqlite3.DatabaseError as exc:
            path.unlink(missing_ok=True)
            raise StoreError(
                f"Cache {str(path)!r} was corrupt and has been deleted. Try again."
            ) from exc


def _tree(document: dict[str, Any]) -> tuple[str, dict[str, HubFile]]:
    files = {path: _file(*listed) for path, listed in document["files"].items()}
    return text(document["commit"]), files


def _file(blob: object, size: object, sha256: object) -> HubFile:
    if isinstance(size, bool) or not isinstance(size, int):
        raise TypeError(f"{size!r} is not a size")
    return HubFile(text(blob), size, text(sha256))


def is_content(file: HubFile, content: bytes) -> bool:
    """Return whether this is the content of a file, by its hash."""
    if file.sha256:
        return hashlib.sha256(content).hexdigest() == file.sha256
    return blob_id(content) == file.blob


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA synchronous = OFF")  # a lost content is read again
        database.execute(
            "CREATE TABLE IF NOT EXISTS contents (blob TEXT PRIMARY KEY, content BLOB NOT NULL)"
        )
        yield database
    finally:
        database.close()


def _select(columns: str, count: int) -> str:
    return f"SELECT {columns} FROM contents WHERE blob IN ({', '.join('?' * count)})"


def _portions(blobs: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(blobs), PER_QUERY):
        yield blobs[start : start + PER_QUERY]
