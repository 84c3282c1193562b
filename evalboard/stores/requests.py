"""The queue: request files in a store, changed by compare-and-swap."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from evalboard.errors import ConfigError, EvalboardError, FileTooLarge, RecordError, StoreError
from evalboard.identity import SubmissionIdentity, request_identity
from evalboard.lifecycle import REPLACEABLE
from evalboard.records.request import LARGEST_FILE, RequestRecord
from evalboard.stores.paths import free_path
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, retry_on_conflict


class QueuedRequest(NamedTuple):
    """One file of the requests store."""

    path: str
    record: RequestRecord | None
    """None if the file is not a readable request."""
    problem: str = ""
    """Why the file is unreadable."""


class DuplicateRequest(ConfigError):
    """Raised when the same submission already exists."""

    code = "duplicate"


class RequestQueue:
    """Requests in a store.

    Every change reads, decides, and commits over the file that it read. Changes of other requests
    do not interfere.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def entries(self) -> list[QueuedRequest]:
        """Return every request file, readable or not, by path."""
        return retry_on_conflict(lambda: _entries(self._store.snapshot()))

    def get(self, path: str) -> RequestRecord:
        """Return one request.

        Raises:
            StoreError: The file is missing. RecordError: The file is not a request.
        """
        content = retry_on_conflict(lambda: self._store.snapshot().read(path, at_most=LARGEST_FILE))
        return RequestRecord.from_json(content, path=path)

    def add(self, record: RequestRecord, *, board_suite: str = "") -> str:
        """Write a new request and return its path.

        A rejected or cancelled request with the same identity is replaced. Its history is kept.

        Args:
            record: The request.
            board_suite: Name of the suite that a request means when it names none.

        Raises:
            DuplicateRequest: The same submission is pending, running, finished or failed.
        """
        identity = request_identity(record, board_suite)

        def change() -> str:
            snapshot = self._store.snapshot()
            former = _find(_entries(snapshot), identity, board_suite)
            if former is None:
                # Requests that differ only in suite or base model have the same path, and an
                # unreadable file may have it too.
                path = free_path(record.path, snapshot.files.__contains__)
                new, over = record, ABSENT
            else:
                path, new = former.path, _replacing(former, record)
                over = snapshot.files[path]
            self._store.commit([Write(path, new.to_json(), over)], message=f"submit {record.model}")
            return path

        return retry_on_conflict(change)

    def find(self, identity: SubmissionIdentity, *, board_suite: str = "") -> QueuedRequest | None:
        """Return the request of this identity, whatever its status; `board_suite` as for `add`."""
        return _find(self.entries(), identity, board_suite)

    def change(
        self, path: str, decide: Callable[[RequestRecord], RequestRecord], *, message: str
    ) -> RequestRecord:
        """Replace a request with the result of `decide`, and return the result.

        `decide` is called again with the newer record after a concurrent change. It raises an error
        to leave the request unchanged.
        """
        changed = self.change_many({path: decide}, message=message)[path]
        if isinstance(changed, EvalboardError):
            raise changed
        return changed

    def change_many(
        self,
        decisions: Mapping[str, Callable[[RequestRecord], RequestRecord]],
        *,
        message: str,
    ) -> dict[str, RequestRecord | EvalboardError]:
        """Replace many requests with one commit, and return the outcome of each by path.

        A decision is called again only after a concurrent change of its request. If it raises one
        of this project's errors, its request stays unchanged and the error is returned; the same
        applies to a missing or unreadable request.

        Raises:
            StoreError: The store could not be read or written.
        """
        made: dict[str, _Decided] = {}

        def attempt() -> None:
            snapshot = self._store.snapshot()
            blobs = snapshot.blobs(decisions)
            new = [p for p in decisions if p not in made or made[p].over != blobs[p]]
            there = [path for path in new if blobs[path] != ABSENT]
            contents = dict(snapshot.read_many(there, at_most=LARGEST_FILE))
            for path in new:
                made[path] = _decide(path, blobs[path], contents.get(path), decisions[path])
            if writes := [write for decided in made.values() for write in decided.writes]:
                self._store.commit(writes, message=message)

        retry_on_conflict(attempt)
        return {path: decided.outcome for path, decided in made.items()}


class _Decided(NamedTuple):
    over: str
    """Blob id of the request on which the decision is based."""
    outcome: RequestRecord | EvalboardError
    writes: tuple[Write, ...] = ()


def _decide(
    path: str,
    over: str,
    content: bytes | FileTooLarge | None,
    decide: Callable[[RequestRecord], RequestRecord],
) -> _Decided:
    try:
        before = _record(path, content)
        after = decide(before)
    except EvalboardError as exc:
        return _Decided(over, exc)
    writes = () if after == before else (Write(path, after.to_json(), over),)
    return _Decided(over, after, writes)


def _record(path: str, content: bytes | FileTooLarge | None) -> RequestRecord:
    if content is None:
        raise StoreError(
            f"The queue has no request {path!r}. `evalboard status` lists the requests."
        )
    if isinstance(content, FileTooLarge):
        raise content
    return RequestRecord.from_json(content, path=path)


class _Memory:
    """Parsed files of the last queue that was read, by path and blob id."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], QueuedRequest] = {}

    def entries(self, snapshot: Snapshot) -> list[QueuedRequest]:
        """Return every request file of a snapshot. Only new files are read."""
        files = snapshot.files
        names = [(path, files[path]) for path in sorted(files) if path.endswith(".json")]
        before = self._entries
        new = [path for path, blob in names if (path, blob) not in before]
        read = {
            (path, files[path]): _entry(path, content)
            for path, content in snapshot.read_many(new, at_most=LARGEST_FILE)
        }
        self._entries = now = {name: read.get(name) or before[name] for name in names}
        return list(now.values())


_entries = _Memory().entries
"""A poll reads the whole queue several times, so no file is parsed twice."""


def _entry(path: str, content: bytes | FileTooLarge) -> QueuedRequest:
    try:
        return QueuedRequest(path, _record(path, content))
    except (FileTooLarge, RecordError) as exc:
        return QueuedRequest(path, None, exc.message)


def _find(
    entries: list[QueuedRequest], identity: SubmissionIdentity, board_suite: str
) -> QueuedRequest | None:
    same = (e for e in entries if e.record and request_identity(e.record, board_suite) == identity)
    return next(same, None)


def _replacing(former: QueuedRequest, record: RequestRecord) -> RequestRecord:
    """Return the new submission with the history of the replaced request."""
    before = former.record
    if before is None or before.status not in REPLACEABLE:
        status = before.status if before else "unreadable"
        raise DuplicateRequest(
            f"{record.model!r} at revision {record.revision[:8]} in {record.precision} has already "
            f"been submitted: request {former.path!r} is {status}. See that request, or submit "
            "another revision or precision."
        )
    block = record.evalboard.model_copy(
        update={
            "history": (*before.evalboard.history, *record.evalboard.history),
            "attempts": before.evalboard.attempts,
        }
    )
    return record.model_copy(update={"evalboard": block})
