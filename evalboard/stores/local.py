"""A store in a folder.

What is in the folder is the store, so a person may put a file there by hand. The revision is a hash
over all paths and contents. Commits hold a lock, write every file aside first, note in a journal
what is to be moved where, and then move: a process that is killed in the middle leaves either
nothing or a journal that the next one finishes. `.evalboard/history.jsonl` tells who changed what.
"""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from evalboard.errors import ConflictError, StoreError
from evalboard.records.request import timestamp
from evalboard.stores.protocol import Delete, Operation, Write, blob_id

META = ".evalboard"
# A file written within this time of being looked at may change again under the same time stamp.
SETTLED_NANOSECONDS = 2_000_000_000


class LocalSnapshot:
    """The files of a `LocalStore` as one moment saw them."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self._root = root
        self.files = MappingProxyType(dict(files))
        self.revision = _revision(files)

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            StoreError: The file is not there, or is no longer what the snapshot saw.
        """
        if path not in self.files:
            raise StoreError(f"No file {path!r} in {str(self._root)!r}.")
        try:
            content = (self._root / path).read_bytes()
        except OSError as exc:
            raise StoreError(f"File {path!r} in {str(self._root)!r} cannot be read: {exc}") from exc
        if blob_id(content) != self.files[path]:
            raise StoreError(
                f"File {path!r} in {str(self._root)!r} changed since it was listed. Read again."
            )
        return content


class LocalStore:
    """A store in a folder, which is made when it is first written to."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._seen: dict[str, tuple[int, int, str]] = {}

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    def snapshot(self) -> LocalSnapshot:
        """Return the newest state; an absent folder is an empty store."""
        if not self._lock_file.exists():
            return LocalSnapshot(self._root, self._list())
        with self._locked(fcntl.LOCK_SH):
            return LocalSnapshot(self._root, self._list())

    def commit(
        self, operations: Sequence[Operation], *, message: str, parent: str | None = None
    ) -> str:
        """Apply all operations as one change; see `Store.commit`."""
        for operation in operations:
            _check_path(operation.path)
        with self._locked(fcntl.LOCK_EX):
            before = self._list()
            if parent is not None and _revision(before) != parent:
                raise ConflictError(
                    f"Store {self.address!r} moved on from revision {parent[:8]} to "
                    f"{_revision(before)[:8]}."
                )
            self._apply(operations)
            after = self._list()
            _compare(operations, after, self.address)
            revision = _revision(after)
            self._note(revision, _revision(before), message, operations)
            return revision

    @contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        """Hold the store's lock, after finishing a commit that a killed process left.

        A shared lock opens the file for reading only, so that a read-only mount can be read.
        """
        try:
            if mode == fcntl.LOCK_EX:
                self._lock_file.parent.mkdir(parents=True, exist_ok=True)
                self._lock_file.touch()
            lock = self._lock_file.open("rb")
        except OSError as exc:
            raise StoreError(f"Store {self.address!r} cannot be opened: {exc}") from exc
        with lock:
            fcntl.flock(lock, mode)
            if self._journal.exists():
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._finish_journal()
            yield

    @property
    def _lock_file(self) -> Path:
        return self._root / META / "lock"

    @property
    def _journal(self) -> Path:
        return self._root / META / "journal.json"

    @property
    def _staging(self) -> Path:
        return self._root / META / "staging"

    def _apply(self, operations: Sequence[Operation]) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        aside = self._staging / uuid.uuid4().hex
        aside.mkdir(parents=True)
        moves: list[dict[str, Any]] = []
        for number, operation in enumerate(operations):
            match operation:
                case Write(path, content):
                    _write_synced(aside / str(number), content)
                    moves.append({"from": str(number), "to": path})
                case Delete(path):
                    moves.append({"from": None, "to": path})
        journal = {"aside": aside.name, "moves": moves}
        pending = self._journal.with_suffix(".new")
        _write_synced(pending, json.dumps(journal).encode())
        pending.replace(self._journal)
        self._finish_journal()

    def _finish_journal(self) -> None:
        """Move what the journal names. Repeatable: what is moved already is no longer aside."""
        if not self._journal.exists():
            return
        journal = json.loads(self._journal.read_bytes())
        aside = self._staging / journal["aside"]
        for move in journal["moves"]:
            target = self._root / move["to"]
            if move["from"] is None:
                target.unlink(missing_ok=True)
            elif (source := aside / move["from"]).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
        self._journal.unlink()
        shutil.rmtree(aside, ignore_errors=True)

    def _list(self) -> dict[str, str]:
        """Return the blob id of every file, reading only what changed since the last look."""
        seen: dict[str, tuple[int, int, str]] = {}
        now = time.time_ns()
        for folder, folders, names in os.walk(self._root):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in names:
                path = Path(folder) / name
                if name.startswith(".") or not path.is_file() or path.is_symlink():
                    continue
                relative = path.relative_to(self._root).as_posix()
                status = path.stat()
                known = self._seen.get(relative)
                if known and known[:2] == (status.st_mtime_ns, status.st_size):
                    seen[relative] = known
                else:
                    entry = (status.st_mtime_ns, status.st_size, blob_id(path.read_bytes()))
                    seen[relative] = entry
        files = {path: entry[2] for path, entry in seen.items()}
        self._seen = {
            path: entry for path, entry in seen.items() if now - entry[0] > SETTLED_NANOSECONDS
        }
        return files

    def _note(
        self, revision: str, parent: str, message: str, operations: Sequence[Operation]
    ) -> None:
        entry = {
            "revision": revision,
            "parent": parent,
            "time": timestamp(),
            "host": socket.gethostname(),
            "message": message,
            "paths": [operation.path for operation in operations],
        }
        with (self._root / META / "history.jsonl").open("a", encoding="utf-8") as history:
            history.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _revision(files: Mapping[str, str]) -> str:
    lines = "".join(f"{blob} {path}\n" for path, blob in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def _check_path(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or any(part.startswith(".") for part in parts):
        raise StoreError(
            f"Path {path!r} cannot be stored: a path is relative and no part starts with a dot."
        )


def _compare(operations: Sequence[Operation], files: Mapping[str, str], address: str) -> None:
    """Check that the store holds what was written to it."""
    expected = {
        operation.path: blob_id(operation.content) if isinstance(operation, Write) else None
        for operation in operations
    }
    for path, blob in expected.items():
        if files.get(path) != blob:
            raise StoreError(f"File {path!r} in {address!r} is not what was written. Write again.")


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
