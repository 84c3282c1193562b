"""The interface of a store: a snapshot to read, and a commit that compares before it writes.

One rule keeps many workers safe: read a snapshot, decide, and commit with the basis of the
decision: `over` for the replaced file, or `parent` for the whole store. After a concurrent commit,
`ConflictError` is raised and nothing is written; read again and decide again (`retry_on_conflict`).
"""

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from evalboard.errors import ConflictError, FileTooLarge

ABSENT: Final = ""
"""Stands for the blob id of a missing file."""


@dataclass(frozen=True)
class Write:
    """Put `content` at `path`."""

    path: str
    content: bytes
    over: str | None = None
    """Blob id of the replaced file, `ABSENT` for a new file, None for any."""


@dataclass(frozen=True)
class Delete:
    """Remove the file at `path`. A missing file is not an error."""

    path: str
    over: str | None = None
    """Blob id of the removed file, None for any."""


Operation = Write | Delete

T = TypeVar("T")


def check_expectations(
    operations: Iterable[Operation], files: Mapping[str, str], address: str
) -> None:
    """Check that every file is as its operation expects.

    Raises:
        ConflictError: A file differs.
    """
    for operation in operations:
        there = files.get(operation.path, ABSENT)
        if operation.over is not None and operation.over != there:
            expected, found = operation.over[:8] or "absent", there[:8] or "absent"
            raise ConflictError(
                f"File {operation.path!r} in {address!r} is {found}, expected {expected}: somebody "
                "else changed it. Read again."
            )


class Snapshot(Protocol):
    """The files of a store at one moment."""

    @property
    def revision(self) -> str:
        """Name of this state of the store. Equal states have equal names."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """Git blob id of every path. Paths are relative and use `/`."""
        ...

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the blob id of each of these paths, `ABSENT` without a file.

        A remote store lists only these paths, whereas `files` lists all.
        """
        ...

    def read(self, path: str, *, at_most: int | None = None) -> bytes:
        """Return a file's content.

        Args:
            path: A file of the snapshot.
            at_most: Size limit in bytes, None for any. A larger file is not read at all.

        Raises:
            ConflictError: The file has changed since the snapshot. Take a newer one.
            FileTooLarge: The file has more than `at_most` bytes.
            StoreError: The file is missing or cannot be read.
        """
        ...

    def read_many(
        self, paths: Iterable[str], *, at_most: int | None = None
    ) -> Iterator[tuple[str, bytes | FileTooLarge]]:
        """Yield each path with its content, or with the error of a large file, in the given order.

        Only a part of the contents is in memory at a time. Other errors are those of `read`.
        """
        ...


class Store(Protocol):
    """A versioned set of files."""

    @property
    def address(self) -> str:
        """Folder or `hf://` address, for messages."""
        ...

    def why_absent(self) -> str:
        """Return why there is nothing to read: the store is missing, or refused. Empty if it is there.

        The first commit makes a missing store, so a snapshot of it is an empty one.
        """
        ...

    def snapshot(self, under: str = "") -> Snapshot:
        """Return the newest state.

        Args:
            under: The folder whose files the caller needs; empty for all. A store that must look at
                every file to list it leaves the other files out, and the snapshot's revision is
                then no `parent` of a commit.
        """
        ...

    def commit(
        self, operations: Sequence[Operation], *, message: str, parent: str | None = None
    ) -> str:
        """Apply all operations as one change, read them back, and return the new revision.

        The same revision may contain changes of other processes. The last operation on a path
        counts, but the expectation of each must be met.

        Args:
            operations: The changes, at least one.
            message: Reason in one line, for the store's history.
            parent: Revision on which the decision is based. None compares only the files of the
                operations.

        Raises:
            ConflictError: The store is no longer at `parent`, or a file is not as an operation
                expects. Nothing was written.
            StoreUnreachable: The store did not answer in time. The change will not be made later,
                but may have been made already. Read again before the next decision.
            ConfigError: The store cannot be written with the current settings.
            StoreError: The store cannot be written, or does not contain what was written.
        """
        ...


def blob_id(content: bytes) -> str:
    """Return git's id of a file's content, which the Hub also lists."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def retry_on_conflict(change: Callable[[], T], *, attempts: int = 8) -> T:
    """Repeat `change` (read, or read, decide and commit) after concurrent commits.

    The wait between attempts doubles from 50 ms to 5 s, with jitter.

    Raises:
        ConflictError: Another process was faster every time.
    """
    for attempt in range(attempts - 1):
        try:
            return change()
        except ConflictError:
            time.sleep(random.uniform(0.5, 1.5) * min(0.05 * 2**attempt, 5.0))
    return change()
