"""What every store can do: a snapshot to read, and a commit that compares before it writes.

The rule that keeps many workers safe: read a snapshot, decide, commit with `parent` set to the
snapshot's revision. When somebody committed in between, `ConflictError` is raised and nothing is
written; read again and decide again (`retry_on_conflict`).
"""

import hashlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from evalboard.errors import ConflictError


@dataclass(frozen=True)
class Write:
    """Put `content` at `path`, whether or not something is there."""

    path: str
    content: bytes


@dataclass(frozen=True)
class Delete:
    """Remove the file at `path`; removing what is not there is no error."""

    path: str


Operation = Write | Delete

T = TypeVar("T")


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

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            ConflictError: The file is no longer what the snapshot saw; take a newer one.
            StoreError: The snapshot has no such file, or it cannot be read.
        """
        ...


class Store(Protocol):
    """A versioned set of files."""

    @property
    def address(self) -> str:
        """Folder or `hf://` address, for messages."""
        ...

    def snapshot(self) -> Snapshot:
        """Return the newest state."""
        ...

    def commit(
        self, operations: Sequence[Operation], *, message: str, parent: str | None = None
    ) -> str:
        """Apply all operations as one change, read them back, and return the new revision.

        Args:
            operations: What to change; at least one.
            message: One line on why, for the store's history.
            parent: Revision that the change was decided on; None writes over whatever is there.

        Raises:
            ConflictError: The store is no longer at `parent`; nothing was written.
            StoreError: The store cannot be written, or does not hold what was written.
        """
        ...


def blob_id(content: bytes) -> str:
    """Return git's id of a file's content, which the Hub lists too."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def retry_on_conflict(change: Callable[[], T], *, attempts: int = 8) -> T:
    """Run `change` (read, or read, decide and commit) again while others commit in between.

    Waits between the attempts, twice as long each time from 50 ms, with jitter.

    Raises:
        ConflictError: Somebody else was faster every time.
    """
    for attempt in range(attempts - 1):
        try:
            return change()
        except ConflictError:
            time.sleep(random.uniform(0.5, 1.5) * 0.05 * 2**attempt)
    return change()
