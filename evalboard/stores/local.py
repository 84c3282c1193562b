"""A store in a folder.

The folder's content is the store, so a person can add a file by hand. The revision is a hash over
all paths and contents. A commit holds a lock, writes every file aside, records the moves in a
journal, and then moves: a process that is killed in between leaves either nothing or a journal that
the next one finishes. A damaged journal, or one with a path outside the store, is moved aside together
with its files. `.evalboard/history.jsonl` records all changes. Links, and files with hidden
or unprintable names, are not content.
"""

import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from evalboard.errors import ConflictError, FileTooLarge, StoreError
from evalboard.files import append_whole, read_state, set_aside, write_state, write_synced
from evalboard.records.times import timestamp
from evalboard.stores.listing import Listing, look
from evalboard.stores.paths import check_path, is_content_path
from evalboard.stores.protocol import (
    ABSENT,
    Delete,
    Operation,
    Write,
    blob_id,
    check_expectations,
)

META = ".evalboard"

_listings: dict[Path, Listing] = {}
"""By folder, what this process has seen of it."""


class _Move(NamedTuple):
    number: str | None
    """Name of the new content in the staging folder, None for a file that is removed."""
    to: str


class _Journal(NamedTuple):
    """A commit that has been decided."""

    aside: str
    moves: tuple[_Move, ...]
    note: dict[str, Any]


class LocalSnapshot:
    """The files of a `LocalStore` at one moment."""

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self._root = root
        self.files = MappingProxyType(dict(files))
        self.revision = _revision(files)

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the blob id of each path; see `Snapshot.blobs`."""
        return {path: self.files.get(path, ABSENT) for path in paths}

    def read_many(
        self, paths: Iterable[str], *, at_most: int | None = None
    ) -> Iterator[tuple[str, bytes | FileTooLarge]]:
        """Yield each path with its content; see `Snapshot.read_many`."""
        for path in paths:
            try:
                yield path, self.read(path, at_most=at_most)
            except FileTooLarge as exc:
                yield path, exc

    def read(self, path: str, *, at_most: int | None = None) -> bytes:
        """Return a file's content; see `Snapshot.read`."""
        if path not in self.files:
            raise StoreError(f"No file {path!r} in {str(self._root)!r}.")
        try:
            file = self._root / path
            if at_most is not None and (size := file.lstat().st_size) > at_most:
                raise FileTooLarge.of(path, str(self._root), size, at_most)
            content = file.read_bytes()
        except FileNotFoundError:
            content = None
        except OSError as exc:
            raise StoreError(f"File {path!r} in {str(self._root)!r} cannot be read: {exc}") from exc
        if content is None or blob_id(content) != self.files[path]:
            raise ConflictError(
                f"File {path!r} in {str(self._root)!r} has changed since it was listed. Read again."
            )
        return content


class LocalStore:
    """A store in a folder. The first write creates the folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listing = _listings.setdefault(root, Listing(root, root / META / "listing.json"))

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    def why_absent(self) -> str:
        """Return why there is nothing to read; see `Store.why_absent`."""
        if self._root.is_dir():
            return ""
        return f"Folder {self.address!r} does not exist yet."

    def snapshot(self, under: str = "") -> LocalSnapshot:
        """Return the newest state. A missing folder is an empty store."""
        if under and not self._is_folder(under):
            return LocalSnapshot(self._root, {})
        is_new = not self._lock_file.exists()
        with self._locked(fcntl.LOCK_SH):
            files = self._list(under)
        # Without a first commit there is no lock, and the list may contain half of a commit.
        if is_new and self._lock_file.exists():
            return self.snapshot(under)
        return LocalSnapshot(self._root, files)

    def commit(
        self, operations: Sequence[Operation], *, message: str, parent: str | None = None
    ) -> str:
        """Apply all operations as one change; see `Store.commit`."""
        for operation in operations:
            check_path(operation.path)
        with self._locked(fcntl.LOCK_EX):
            before = self._list()
            if parent is not None and _revision(before) != parent:
                raise ConflictError(
                    f"Store {self.address!r} moved from revision {parent[:8]} to "
                    f"{_revision(before)[:8]}."
                )
            check_expectations(operations, before, self.address)
            # The last operation on a path wins: after a kill, repeating both would undo it.
            operations = list({operation.path: operation for operation in operations}.values())
            self._clear_the_way(operations)
            self._apply(operations, _note(before, operations, message))
            after = self._read_back(operations, before)
            return _revision(after)

    def _is_folder(self, path: str) -> bool:
        """Whether a path is content, and no part of it a link."""
        folder = self._root / path
        outer = [folder, *folder.parents][: len(Path(path).parts)]
        return is_content_path(path) and not any(part.is_symlink() for part in outer)

    @contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        """Hold the store's lock. First finish the commit of a killed process.

        A shared lock opens the file read-only, which also works on a read-only mount. Before the
        first commit no lock is needed.

        Raises:
            StoreError: A file of the folder cannot be read or written.
        """
        try:
            if mode == fcntl.LOCK_EX:
                self._lock_file.parent.mkdir(parents=True, exist_ok=True)
                self._lock_file.touch()
            elif not self._lock_file.exists():
                yield
                return
            with self._lock_file.open("rb") as lock:
                fcntl.flock(lock, mode)
                if self._journal.exists():
                    fcntl.flock(lock, fcntl.LOCK_EX)
                    self._finish_journal()
                yield
        except OSError as exc:
            raise StoreError(f"Store {self.address!r} cannot be used: {exc}") from exc

    @property
    def _lock_file(self) -> Path:
        return self._root / META / "lock"

    @property
    def _journal(self) -> Path:
        return self._root / META / "journal.json"

    @property
    def _staging(self) -> Path:
        return self._root / META / "staging"

    def _clear_the_way(self, operations: Sequence[Operation]) -> None:
        """Refuse paths that cannot be written: their journal would block the store permanently."""
        paths = [operation.path for operation in operations if isinstance(operation, Write)]
        for path in paths:
            (self._root / path).parent.mkdir(parents=True, exist_ok=True)
        for path in paths:
            if self._is_blocked(path):
                raise StoreError(
                    f"Path {path!r} in {self.address!r} cannot be written: a folder or a link is "
                    "in the way. Remove it."
                )

    def _apply(self, operations: Sequence[Operation], note: Mapping[str, Any]) -> None:
        shutil.rmtree(self._staging, ignore_errors=True)
        aside = self._staging / uuid.uuid4().hex
        aside.mkdir(parents=True)
        moves: list[dict[str, Any]] = []
        for number, operation in enumerate(operations):
            match operation:
                case Write(path, content):
                    write_synced(aside / str(number), content)
                    moves.append({"from": str(number), "to": path})
                case Delete(path):
                    moves.append({"from": None, "to": path})
        write_state(
            self._journal, {"aside": aside.name, "moves": moves, "note": note}, durable=True
        )
        self._finish_journal()

    def _finish_journal(self) -> None:
        """Move the files that the journal names, and record it in the history.

        This can be repeated, because moved files are no longer aside. A process that is killed just
        before the end leaves its line in the history twice.
        """
        if not self._journal.exists():
            return
        journal = read_state(self._journal, self._parse_journal)
        if journal is None:
            if self._staging.exists():
                set_aside(self._staging, "its journal is damaged")
            return
        aside = self._staging / journal.aside
        for move in journal.moves:
            target = self._root / move.to
            if move.number is None:
                if target.is_file():
                    target.unlink()
            elif (source := aside / move.number).exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
        self._add_to_history(journal.note)
        self._journal.unlink()
        shutil.rmtree(aside, ignore_errors=True)

    def _parse_journal(self, document: dict[str, Any]) -> _Journal:
        """Return a journal all of whose paths are content of this store.

        Raises:
            ValueError: One is not. KeyError, TypeError: The document is no journal.
        """
        aside, note = document["aside"], document["note"]
        moves = tuple(_Move(move["from"], move["to"]) for move in document["moves"])
        if not re.fullmatch("[0-9a-f]{32}", aside) or not isinstance(note, dict):
            raise ValueError("it is no journal")
        for move in moves:
            if move.number is not None and not re.fullmatch("[0-9]{1,9}", move.number):
                raise ValueError(f"{move.number!r} is no number of a file")
            if not is_content_path(move.to) or self._is_blocked(move.to):
                raise ValueError(f"{move.to!r} is no path of a file in the store")
        return _Journal(aside, moves, note)

    def _is_blocked(self, path: str) -> bool:
        """Return whether a folder is in a path's place, or a link leads to another folder."""
        target = self._root.resolve() / path
        return target.is_dir() or target.parent.resolve() != target.parent

    def _add_to_history(self, note: Mapping[str, Any]) -> None:
        line = json.dumps(note, ensure_ascii=False) + "\n"
        path = self._root / META / "history.jsonl"
        history = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            append_whole(history, line.encode())
        finally:
            os.close(history)

    def _read_back(
        self, operations: Iterable[Operation], before: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the blob id of every file after a commit.

        Raises:
            StoreError: The folder does not contain what was written.
        """
        after = dict(before)
        for operation in operations:
            found = look(f"{self._root}/{operation.path}")
            expected = blob_id(operation.content) if isinstance(operation, Write) else None
            if (found and found.blob) != expected:
                raise StoreError(
                    f"File {operation.path!r} in {self.address!r} differs from what was written. "
                    "Write again."
                )
            if expected is None:
                after.pop(operation.path, None)
            else:
                after[operation.path] = expected
        return after

    def _list(self, under: str = "") -> dict[str, str]:
        """Return the blob id of every file in a folder, empty for all, sorted by path."""
        return self._listing.files(under)


def _note(
    before: Mapping[str, str], operations: Sequence[Operation], message: str
) -> dict[str, Any]:
    """Return a commit's line in the history."""
    after = dict(before)
    for operation in operations:
        if isinstance(operation, Write):
            after[operation.path] = blob_id(operation.content)
        else:
            after.pop(operation.path, None)
    return {
        "revision": _revision(after),
        "parent": _revision(before),
        "time": timestamp(),
        "host": socket.gethostname(),
        "message": message,
        "paths": [operation.path for operation in operations],
    }


def _revision(files: Mapping[str, str]) -> str:
    lines = "".join(f"{blob} {path}\n" for path, blob in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
