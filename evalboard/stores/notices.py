"""The operator's notices: one YAML file in the results store, from which the board is made.

The results store is not signed: whoever can write it can change scores, and so notices.
"""

from collections.abc import Callable, Sequence

import yaml
from pydantic import TypeAdapter, ValidationError

from evalboard.errors import FileTooLarge, RecordError, first_problem
from evalboard.records.notice import Notice
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, retry_on_conflict

NOTICES_FILE = "notices.yaml"
MAX_BYTES = 2**20
_FILE = TypeAdapter(tuple[Notice, ...])

Notices = tuple[Notice, ...]


class NoticeBook:
    """The notices in a results store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self) -> Notices:
        """Return all notices, in the order in which they were made.

        Raises:
            RecordError: The file is not a list of notices.
        """
        return retry_on_conflict(lambda: read_notices(self._store.snapshot()))

    def change(self, decide: Callable[[Notices], Sequence[Notice]], *, message: str) -> Notices:
        """Replace the notices as one commit, and return them. `decide` is called again after a conflict.

        Raises:
            RecordError: As `read`.
        """

        def once() -> Notices:
            snapshot = self._store.snapshot()
            before = read_notices(snapshot)
            after = tuple(decide(before))
            if after != before:
                there = snapshot.blobs([NOTICES_FILE])[NOTICES_FILE]
                self._store.commit([Write(NOTICES_FILE, _content(after), there)], message=message)
            return after

        return retry_on_conflict(once)


def read_notices(snapshot: Snapshot) -> Notices:
    """Return the notices of a snapshot of the store.

    Raises:
        RecordError: The file is not a list of notices.
        ConflictError: The file has changed since the snapshot.
    """
    if snapshot.blobs([NOTICES_FILE])[NOTICES_FILE] == ABSENT:
        return ()
    try:
        content = snapshot.read(NOTICES_FILE, at_most=MAX_BYTES)
        return _FILE.validate_python(yaml.safe_load(content) or ())
    except ValidationError as exc:
        raise _damaged(first_problem(exc)) from exc
    except (FileTooLarge, yaml.YAMLError, UnicodeDecodeError) as exc:
        raise _damaged(" ".join(str(exc).split())) from exc


def _damaged(problem: str) -> RecordError:
    return RecordError(
        f"{NOTICES_FILE!r} in the results store cannot be read: {problem}. Correct the file."
    )


def _content(notices: Sequence[Notice]) -> bytes:
    entries = [notice.model_dump(mode="json", exclude_defaults=True) for notice in notices]
    return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).encode()
