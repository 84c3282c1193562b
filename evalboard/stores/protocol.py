"""What every store can do: a snapshot to read, and a commit that compares before it writes.

The rule that keeps many workers safe: read a snapshot, decide, and commit with what the decision
stands on: `over` for the file that is replaced, or `parent` for the whole store. When somebody
committed in between, `ConflictError` is raised and nothing is written; read again and decide again
(`retry_on_conflict`).
"""

import hashlib
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from evalboard.errors import ConflictError, FileTooLarge

ABSENT: Final = ""
"""In place of a blob id: no file is there."""


@dataclass(frozen=True)
class Write:
    """Put `content` at `path`."""

    path: str
    content: bytes
    over: str | None = None
    """Blob id of the file that is replaced, `ABSENT` for a new one; None: whatever is there."""


@dataclass(frozen=True)
class Delete:
    """Remove the file at `path`; removing what is not there is no error."""

    path: str
    over: str | None = None
    """Blob id of the file that is removed; None: whatever is there."""


Operation = Write | Delete

T = TypeVar("T")


def check_expectations(
    operations: Iterable[Operation], files: Mapping[str, str], address: str
) -> None:
    """Check that every file is what an operation expects it to be.

    Raises:
        ConflictError: One is not.
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
    """The files of a store as one moment saw them."""

    @property
    def revision(self) -> str:
        """Name of this state of the store; equal states have equal names."""
        ...

    @property
    def files(self) -> Mapping[str, str]:
        """Blob id (git's) of every path. Paths use `/` and are relative."""
        ...

    def blobs(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the blob id of each of these paths, `ABSENT` where there is no file.

        On a remote store this asks for these few, where `files` asks for all.
        """
        ...

    def read(self, path: str, *, at_most: int | None = None) -> bytes:
        """Return a file's content.

        Args:
            path: Of a file that the snapshot has.
            at_most: Largest size in bytes; None for any. A larger file is not read at all.

        Raises:
            ConflictError: The file is no longer what the snapshot saw; take a newer one.
            FileTooLarge: It has more than `at_most` bytes.
            StoreError: The snapshot has no such file, or it cannot be read.
        """
        ...

    def read_many(
        self, paths: Iterable[str], *, at_most: int | None = None
    ) -> Iterator[tuple[str, bytes | FileTooLarge]]:
        """Yield each path with its content, in the order given; a large file with its error.

        Holds a part of the contents in memory at a time. Raises what `read` raises otherwise.
        """
        ...


class Store(Protocol):
    """A versioned set of files."""

    @property
    def address(self) -> str:
        """Folder or `hf://` address, for messages."""
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

        Other processes' changes may be part of the same revision. Of several operations on one path
        the last one counts, but what each expects must hold.

        Args:
            operations: What to change; at least one.
            message: One line on why, for the store's history.
            parent: Revision that the change was decided on; None looks at no other file than those
                that the operations name.

        Raises:
            ConflictError: The store is no longer at `parent`, or a file is not what an operation
                expects it to be; nothing was written.
            StoreUnreachable: No answer in time, after many tries. The change will not be made later,
                but may have been made: read again before deciding again.
            ConfigError: The store cannot be written with the settings that there are.
            StoreError: The store cannot be written, or does not hold what was written.
        """
        ...


def blob_id(content: bytes) -> str:
    """Return git's id of a file's content, which the Hub lists too."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def retry_on_conflict(change: Callable[[], T], *, attempts: int = 8) -> T:
    """Run `change` (read, or read, decide and commit) again while others commit in between.

    Waits between the attempts, twice as long each time from 50 ms to 5 s, with jitter.

    Raises:
        ConflictError: Somebody else was faster every time.
    """
    for attempt in range(attempts - 1):
        try:
            return change()
        except ConflictError:
            time.sleep(random.uniform(0.5, 1.5) * min(0.05 * 2**attempt, 5.0))
    return change()
