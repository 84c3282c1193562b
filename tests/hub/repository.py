"""The repositories of the small Hub: linear histories of files, kept in memory."""

import hashlib
import threading
from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

ATTRIBUTES = ".gitattributes"


class Refusal(Exception):
    """An answer that is not 200: status, message, and the header that the client decides on."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code


class Entry(NamedTuple):
    """One file at one commit."""

    content: bytes
    blob: str
    sha256: str | None
    """Of the content, where it is a large file: `blob` is that of its pointer then."""

    def listed(self, path: str) -> dict[str, Any]:
        """Return the file as tree and paths-info list it."""
        found: dict[str, Any] = {
            "type": "file",
            "path": path,
            "size": len(self.content),
            "oid": self.blob,
        }
        if self.sha256:
            found["lfs"] = {"oid": self.sha256, "size": len(self.content), "pointerSize": 130}
        return found


class Commit(NamedTuple):
    """One commit; its files are found by its number."""

    sha: str
    number: int
    title: str
    description: str
    time: str


def blob_of(content: bytes) -> str:
    """Return git's id of a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def entry_of(content: bytes, *, large: bool = False) -> Entry:
    """Return a file as the Hub keeps it."""
    if not large:
        return Entry(content, blob_of(content), None)
    sha256 = hashlib.sha256(content).hexdigest()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\n"
    return Entry(content, blob_of(f"{pointer}size {len(content)}\n".encode()), sha256)


class HubRepo:
    """One repository. All commits are kept, each as what it changed.

    Create it with `SmallHub.create`, which gives it its first commit.
    """

    def __init__(self, kind: str, name: str, *, private: bool) -> None:
        self.kind = kind
        self.name = name
        self.private = private
        self.likes = 0
        self.history: list[Commit] = []
        self.pull_requests: list[dict[str, bytes]] = []
        self._by_sha: dict[str, Commit] = {}
        self._files: dict[str, tuple[list[int], list[Entry | None]]] = {}
        self._listings: dict[int, list[dict[str, Any]]] = {}
        self._lock = threading.RLock()
        self.apply({ATTRIBUTES: entry_of(b"*.parquet filter=lfs\n")}, "initial commit")

    @property
    def head(self) -> str:
        """Sha of the newest commit."""
        return self.history[-1].sha

    def resolve(self, revision: str) -> Commit:
        """Return the commit of a branch or sha."""
        if revision == "main":
            return self.history[-1]
        if revision not in self._by_sha:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self._by_sha[revision]

    def entry(self, path: str, commit: Commit) -> Entry | None:
        """Return a file as it was at a commit."""
        numbers, entries = self._files.get(path, ([], []))
        index = bisect_right(numbers, commit.number) - 1
        return entries[index] if index >= 0 else None

    def commit(self, changes: Mapping[str, bytes | None], title: str = "by hand") -> str:
        """Commit from within the test; None deletes. Return the sha."""
        entries = {p: None if c is None else entry_of(c) for p, c in changes.items()}
        return self.apply(entries, title)

    def files(self) -> dict[str, bytes]:
        """Return the newest contents, without the attributes file."""
        with self._lock:
            newest = {path: entries[-1] for path, (_, entries) in self._files.items()}
        return {p: e.content for p, e in newest.items() if e and p != ATTRIBUTES}

    def apply(
        self,
        changes: Mapping[str, Entry | None],
        title: str,
        description: str = "",
        *,
        parent: str | None = None,
    ) -> str:
        """Compare and set, all or nothing."""
        with self._lock:
            if parent is not None and parent != self.head:
                raise Refusal(412, "A commit has happened since. Please refresh and try again.")
            for path, entry in changes.items():
                if entry is None and self.entry(path, self.history[-1]) is None:
                    raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
            number = len(self.history)
            sha = hashlib.sha1(f"{self.kind}/{self.name}/{number}".encode()).hexdigest()
            for path, entry in changes.items():
                numbers, entries = self._files.setdefault(path, ([], []))
                numbers.append(number)
                entries.append(entry)
            time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            made = Commit(sha, number, title, description, time)
            self._by_sha[sha] = made
            self.history.append(made)
            return sha

    def listing(self, commit: Commit) -> list[dict[str, Any]]:
        """Return all files and folders of a commit, by path."""
        with self._lock:
            if commit.number not in self._listings:
                found: dict[str, dict[str, Any]] = {}
                for path in self._files:
                    if entry := self.entry(path, commit):
                        found[path] = entry.listed(path)
                        _add_folders(found, path)
                while len(self._listings) > 3:
                    self._listings.pop(next(iter(self._listings)))
                self._listings[commit.number] = [found[path] for path in sorted(found)]
            return self._listings[commit.number]


def _add_folders(found: dict[str, dict[str, Any]], path: str) -> None:
    while "/" in path:
        path = path.rpartition("/")[0]
        if path in found:
            return
        oid = blob_of(path.encode())
        found[path] = {"type": "directory", "path": path, "oid": oid, "size": 0}
