"""The queue: request files in a store, changed by compare-and-swap."""

from collections.abc import Callable, Mapping
from itertools import chain, count
from typing import NamedTuple

from evalboard.errors import ConfigError, RecordError
from evalboard.records.request import RequestIdentity, RequestRecord, Status
from evalboard.stores.protocol import Snapshot, Store, Write, retry_on_conflict


class QueuedRequest(NamedTuple):
    """One file of the requests store."""

    path: str
    record: RequestRecord | None
    """None where the file cannot be read as a request."""
    problem: str = ""
    """Why it cannot be read."""


class DuplicateRequest(ConfigError):
    """Raised when the same submission is already there."""

    code = "duplicate"


class RequestQueue:
    """Requests in a store. Every change reads, decides and commits with the revision it read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self) -> list[QueuedRequest]:
        """Return every request file, readable or not, by path."""
        return retry_on_conflict(lambda: _entries(self._store.snapshot()))

    def get(self, path: str) -> RequestRecord:
        """Return one request.

        Raises:
            StoreError: There is no such file.
            RecordError: It is no request.
        """
        content = retry_on_conflict(lambda: self._store.snapshot().read(path))
        return RequestRecord.from_json(content, path=path)

    def add(self, record: RequestRecord) -> str:
        """Write a new request and return its path.

        A rejected or cancelled request of the same identity is replaced, with its history kept in
        front.

        Raises:
            DuplicateRequest: The same submission is pending, running, finished or failed.
        """

        def change() -> str:
            snapshot = self._store.snapshot()
            former = _find(_entries(snapshot), record.identity)
            if former is None:
                path, new = _free_path(record.path, snapshot.files), record
            else:
                path, new = former.path, _replacing(former, record)
            self._store.commit(
                [Write(path, new.to_json())],
                message=f"submit {record.model}",
                parent=snapshot.revision,
            )
            return path

        return retry_on_conflict(change)

    def find(self, identity: RequestIdentity) -> QueuedRequest | None:
        """Return the request of this identity, whatever its status."""
        return _find(self.entries(), identity)

    def change(
        self, path: str, decide: Callable[[RequestRecord], RequestRecord], *, message: str
    ) -> RequestRecord:
        """Replace a request by what `decide` makes of it, and return that.

        `decide` is called again with the newer record when somebody else committed in between. It
        raises to leave the request as it is.
        """

        def attempt() -> RequestRecord:
            snapshot = self._store.snapshot()
            before = RequestRecord.from_json(snapshot.read(path), path=path)
            after = decide(before)
            if after != before:
                self._store.commit(
                    [Write(path, after.to_json())], message=message, parent=snapshot.revision
                )
            return after

        return retry_on_conflict(attempt)


def _entries(snapshot: Snapshot) -> list[QueuedRequest]:
    entries: list[QueuedRequest] = []
    for path in sorted(snapshot.files):
        if not path.endswith(".json"):
            continue
        try:
            record = RequestRecord.from_json(snapshot.read(path), path=path)
        except RecordError as exc:
            entries.append(QueuedRequest(path, None, exc.message))
        else:
            entries.append(QueuedRequest(path, record))
    return entries


def _find(entries: list[QueuedRequest], identity: RequestIdentity) -> QueuedRequest | None:
    return next(
        (e for e in entries if e.record is not None and e.record.identity == identity), None
    )


def _free_path(path: str, files: Mapping[str, str]) -> str:
    """Return the path, numbered where another file has it.

    Requests that differ in their suite or base model alone have the same one, and so may a file
    that cannot be read.
    """
    stem = path.removesuffix(".json")
    numbered = (f"{stem}-{number}.json" for number in count(2))
    return next(free for free in chain([path], numbered) if free not in files)


def _replacing(former: QueuedRequest, record: RequestRecord) -> RequestRecord:
    """Return the new submission with the history of the one that it replaces."""
    before = former.record
    if before is None or before.status not in (Status.REJECTED, Status.CANCELLED):
        status = before.status if before else "unreadable"
        raise DuplicateRequest(
            f"{record.model!r} at revision {record.revision[:8]} in {record.precision} was "
            f"submitted before: request {former.path!r} is {status}. "
            "Submit another revision or precision, or look at that request."
        )
    block = record.evalboard.model_copy(
        update={
            "history": (*before.evalboard.history, *record.evalboard.history),
            "attempts": before.evalboard.attempts,
        }
    )
    return record.model_copy(update={"evalboard": block})
