"""The queue: request files in a store, changed by compare-and-swap, and signed.

The queue signs every file that it writes, and verifies every file that it reads. Of a file without
a valid signature only the submission counts (`evalboard.records.unsigned`).
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from evalboard.containing import contained
from evalboard.errors import (
    ConfigError,
    EvalboardError,
    FileTooLarge,
    LifecycleError,
    RecordError,
    StoreError,
)
from evalboard.identity import SubmissionIdentity, request_identity
from evalboard.lifecycle import REPLACEABLE
from evalboard.records.request import (
    LARGEST_FILE,
    RequestFile,
    RequestRecord,
    Status,
    part_to_sign,
)
from evalboard.records.unsigned import shown_in, submission_in
from evalboard.signing import SIGNATURE, KeySource, SigningKey
from evalboard.stores.ownership import keep_name, named_key, names
from evalboard.stores.paths import free_path
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, blob_id, retry_on_conflict
from evalboard.wording import plain

UNSIGNED_RUN = "Another program says that it evaluates this model. It takes no place here."
MAX_MESSAGE_CHARACTERS = 200


class QueuedRequest(NamedTuple):
    """One file of the requests store."""

    path: str
    record: RequestRecord | None
    """None if the file is not a readable request. What counts of a file without a signature."""
    problem: str = ""
    """Why the file is unreadable, or what is wrong with it."""
    is_signed: bool = False
    """Whether this installation wrote the file."""
    blob: str = ABSENT
    """Blob id of the file."""

    @property
    def counts(self) -> bool:
        """Whether the request is one of this board.

        A submission of somebody else is one while it waits: it is checked then. What another
        program says about its end, or about a run, is not believed.
        """
        return self.record is not None and (self.is_signed or self.record.status is Status.PENDING)


class DuplicateRequest(ConfigError):
    """Raised when the same submission already exists."""

    code = "duplicate"


class RequestQueue:
    """Requests in a store.

    Every change reads, decides, and commits over the file that it read. Changes of other requests
    do not interfere.
    """

    def __init__(self, store: Store, keys: KeySource, *, is_strict: bool = True) -> None:
        self._store = store
        self._keys = keys
        self._is_strict = is_strict
        self._latest: Snapshot | None = None

    def entries(self) -> list[QueuedRequest]:
        """Return every request file, readable or not, by path."""

        def read() -> list[QueuedRequest]:
            self._latest = snapshot = self._store.snapshot()
            return _entries(snapshot, self._trust(snapshot))

        return retry_on_conflict(read)

    def keep_name(self) -> str:
        """Keep this installation's key named in the store; see `ownership.keep_name`."""
        key = self._keys.obtain()
        if self._latest is not None and names(self._latest, key):
            return ""
        return keep_name(self._store, key)

    def entry(self, path: str) -> QueuedRequest:
        """Return one request.

        Raises:
            StoreError: The file is missing. RecordError: The file is not a request.
        """

        def read() -> QueuedRequest:
            snapshot = self._store.snapshot()
            content = snapshot.read(path, at_most=LARGEST_FILE)
            trust = self._trust(snapshot)
            found = contained(lambda: _read(path, content, trust), f"Reading request {path!r}")
            if isinstance(found, EvalboardError):
                raise found
            return found

        return retry_on_conflict(read)

    def get(self, path: str) -> RequestRecord:
        """Return the record of one request; raises as `entry` does."""
        record = self.entry(path).record
        assert record is not None
        return record

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
            entries = _entries(snapshot, self._trust(snapshot))
            former = _find(entries, identity, board_suite)
            if former is None:
                # Requests that differ only in suite or base model have the same path, and an
                # unreadable file may have it too.
                path = free_path(record.path, snapshot.files.__contains__)
                new, over = record, ABSENT
            else:
                path, new = former.path, _replacing(former, record)
                over = snapshot.files[path]
            content = self._content(path, new)
            self._store.commit([Write(path, content, over)], message=_line(f"submit {new.model}"))
            return path

        return retry_on_conflict(change)

    def find(self, identity: SubmissionIdentity, *, board_suite: str = "") -> QueuedRequest | None:
        """Return the request of this identity, whatever its status; `board_suite` as for `add`."""
        return _find(self.entries(), identity, board_suite)

    def change(
        self,
        path: str,
        decide: Callable[[RequestRecord], RequestRecord],
        *,
        message: str,
        over: str | None = None,
    ) -> RequestRecord:
        """Replace a request with the result of `decide`, and return the result.

        `decide` is called again with the newer record after a concurrent change. It raises an error
        to leave the request unchanged, or returns the same object. `over` is the blob id of the
        file that the caller has judged: another file is left unchanged with a `LifecycleError`.
        """
        judged = {} if over is None else {path: over}
        changed = self.change_many({path: decide}, message=message, over=judged)[path]
        if isinstance(changed, EvalboardError):
            raise changed
        return changed

    def change_many(
        self,
        decisions: Mapping[str, Callable[[RequestRecord], RequestRecord]],
        *,
        message: str,
        over: Mapping[str, str] | None = None,
    ) -> dict[str, RequestRecord | EvalboardError]:
        """Replace many requests with one commit, and return the outcome of each by path.

        A decision is called again only after a concurrent change of its request. If it raises an
        error, its request stays unchanged and the error is returned; the same applies to a missing
        or unreadable request. Of a file without a signature a decision sees the submission alone,
        so nothing else of it is ever signed.

        Args:
            decisions: The new record for the current one, by path.
            message: Reason in one line, for the store's history.
            over: Blob ids of files that the caller has judged, by path; see `change`.

        Raises:
            ConfigError: This installation cannot sign.
            StoreError: The store could not be read or written.
        """
        made: dict[str, _Decided] = {}
        judged = over or {}

        def attempt() -> None:
            snapshot = self._store.snapshot()
            trust = self._trust(snapshot)
            blobs = snapshot.blobs(decisions)
            new = [p for p in decisions if p not in made or not made[p].stands(blobs[p])]
            there = [path for path in new if blobs[path] != ABSENT]
            contents = dict(snapshot.read_many(there, at_most=LARGEST_FILE))
            for path in new:
                made[path] = self._decide(
                    _Found(path, blobs[path], contents.get(path), judged.get(path)),
                    decisions[path],
                    trust,
                )
            writes = [w for p, decided in made.items() for w in decided.writes_over(blobs[p])]
            if writes:
                self._store.commit(writes, message=_line(message))

        retry_on_conflict(attempt)
        return {path: decided.outcome for path, decided in made.items()}

    def _decide(
        self, found: "_Found", decide: Callable[[RequestRecord], RequestRecord], trust: "_Trust"
    ) -> "_Decided":
        def work() -> _Decided:
            content = found.readable()
            before = _actionable(found.path, content, trust)
            after = decide(before)
            new = content if after is before else self._content(found.path, after)
            writes = () if new == content else (Write(found.path, new, found.blob),)
            return _Decided(found.blob, after, writes)

        made = contained(work, f"The change of request {found.path!r}")
        return made if isinstance(made, _Decided) else _Decided(found.blob, made)

    def _content(self, path: str, record: RequestRecord) -> bytes:
        """Return a request's file, signed.

        A viewer that cannot make a key writes it without a signature, and the poll checks it.
        """
        try:
            key = self._keys.obtain()
        except ConfigError:
            if self._is_strict:
                raise
            return _fitting(path, record, lambda one: one.to_json())
        return _fitting(path, record, lambda one: sign(path, one, key))

    def _trust(self, snapshot: Snapshot) -> "_Trust":
        """Return which signatures this queue believes."""
        key = self._keys.find()
        is_ours = self._is_strict or (key is not None and names(snapshot, key))
        return _Trust(key, "" if is_ours else named_key(snapshot))


class _Trust(NamedTuple):
    """The signatures that count."""

    key: SigningKey | None
    """This installation's key."""
    word: str
    """Id of the store's key, if a reader without it takes such signatures at their word."""

    def covers(self, path: str, file: RequestFile) -> bool:
        """Return whether a file is signed."""
        found = SIGNATURE.fullmatch(file.signature)
        if found is None:
            return False
        if self.word and found[1] == self.word:
            return True
        return self.key is not None and self.key.has_signed(file.signature, path, file.signed)

    @property
    def name(self) -> tuple[str, str]:
        """What makes two such rules the same."""
        return (self.key.id if self.key else "", self.word)


class _Found(NamedTuple):
    """A file to be changed."""

    path: str
    blob: str
    content: bytes | FileTooLarge | None
    judged: str | None
    """Blob id of the file that the caller has judged, None for any."""

    def readable(self) -> bytes:
        """Return the content."""
        if self.content is None:
            raise StoreError(
                f"The queue has no request {self.path!r}. `evalboard status` lists the requests."
            )
        if self.judged is not None and self.judged != self.blob:
            raise LifecycleError(f"Request {self.path!r} has changed meanwhile.")
        if isinstance(self.content, FileTooLarge):
            raise self.content
        return self.content


class _Decided(NamedTuple):
    over: str
    """Blob id of the request on which the decision is based."""
    outcome: RequestRecord | EvalboardError
    writes: tuple[Write, ...] = ()

    def stands(self, blob: str) -> bool:
        """Return whether the decision was made on this file, or is in it already."""
        return blob == self.over or any(blob == blob_id(write.content) for write in self.writes)

    def writes_over(self, blob: str) -> tuple[Write, ...]:
        """Return what is still to be written."""
        return self.writes if blob == self.over else ()


def sign(path: str, record: RequestRecord, key: SigningKey) -> bytes:
    """Return a request's file with the signature of a key, for a path."""
    return record.to_json(signature=key.sign(path, part_to_sign(record)))


def _fitting(path: str, record: RequestRecord, make: Callable[[RequestRecord], bytes]) -> bytes:
    """Return a request's file, without what other programs wrote if it would become too large."""
    content = make(record)
    if len(content) <= LARGEST_FILE:
        return content
    known = {name: getattr(record, name) for name in RequestRecord.model_fields}
    block = known.pop("evalboard").model_copy(update={"original": {}})
    content = make(RequestRecord(**known, evalboard=block))
    if len(content) > LARGEST_FILE:
        raise RecordError(
            f"Request {path!r} cannot be written: its file would have {len(content)} bytes, and at "
            f"most {LARGEST_FILE} are read. Delete the file."
        )
    return content


def _read(path: str, content: bytes, trust: _Trust) -> QueuedRequest:
    """Return a request file as the queue shows it."""
    file = RequestFile.from_json(content, path=path)
    record, blob = file.record, blob_id(content)
    if trust.covers(path, file):
        return QueuedRequest(path, record, is_signed=True, blob=blob)
    problem = UNSIGNED_RUN if record.status is Status.RUNNING else ""
    return QueuedRequest(path, shown_in(record), problem, blob=blob)


def _actionable(path: str, content: bytes, trust: _Trust) -> RequestRecord:
    """Return what an action on a request file may build on."""
    file = RequestFile.from_json(content, path=path)
    return file.record if trust.covers(path, file) else submission_in(file.record)


class _Memory:
    """Parsed files of the last queue that was read, by path and blob id."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str, tuple[str, str]], QueuedRequest] = {}

    def entries(self, snapshot: Snapshot, trust: _Trust) -> list[QueuedRequest]:
        """Return every request file of a snapshot. Only new files are read."""
        files, by = snapshot.files, trust.name
        names = [(path, files[path], by) for path in sorted(files) if path.endswith(".json")]
        before = self._entries
        new = [path for path, blob, _ in names if (path, blob, by) not in before]
        read = {
            (path, files[path], by): _entry(path, content, trust)
            for path, content in snapshot.read_many(new, at_most=LARGEST_FILE)
        }
        self._entries = now = {name: read.get(name) or before[name] for name in names}
        return list(now.values())


_entries = _Memory().entries
"""A poll reads the whole queue several times, so no file is parsed twice."""


def _entry(path: str, content: bytes | FileTooLarge, trust: _Trust) -> QueuedRequest:
    if isinstance(content, FileTooLarge):
        return QueuedRequest(path, None, content.message)
    found = contained(lambda: _read(path, content, trust), f"Reading request {path!r}")
    return found if isinstance(found, QueuedRequest) else QueuedRequest(path, None, found.message)


def _line(message: str) -> str:
    """Return a commit's message without what a stranger could put into it."""
    return plain(message, MAX_MESSAGE_CHARACTERS)


def _find(
    entries: list[QueuedRequest], identity: SubmissionIdentity, board_suite: str
) -> QueuedRequest | None:
    same = (
        entry
        for entry in entries
        if entry.record and entry.counts and request_identity(entry.record, board_suite) == identity
    )
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
