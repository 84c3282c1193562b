"""Imported scores in the results store: the row, what was noticed, and the imported file whole.

One JSON file per imported result, `reported/{suite}/{first digits of its sha256}.json`. They
are no result documents, so nothing that reads documents takes them for measured.
"""

import hashlib
import logging
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from evalboard.errors import FileTooLarge, RecordError, first_problem
from evalboard.records.reported import ReportedRow
from evalboard.stores.paths import REPORTED
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, retry_on_conflict

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 2**20
DIGITS = 16


class ImportedFile(BaseModel):
    """One file of the store."""

    model_config = ConfigDict(frozen=True, extra="allow")

    row: ReportedRow
    notes: tuple[str, ...] = ()
    """What the import changed, took for something, or did not understand."""
    original: str
    """The imported content, as it was: the text of a file, or a row of a table as JSON."""

    def to_json(self) -> bytes:
        """Return the content of the file."""
        return (self.model_dump_json(indent=1) + "\n").encode()


class ReportedArchive:
    """Imported scores in a results store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, files: Sequence[ImportedFile], suite: str) -> int:
        """Store imported files as one commit, and return how many are new."""
        contents = {_path(file, suite): file.to_json() for file in files}

        def change() -> int:
            there = self._store.snapshot().blobs(contents)
            new = [path for path in contents if there[path] == ABSENT]
            writes = [Write(path, contents[path], ABSENT) for path in new]
            if writes:
                self._store.commit(writes, message=f"{len(writes)} imported results")
            return len(new)

        return retry_on_conflict(change)

    def read(self, suite: str) -> list[ReportedRow]:
        """Return the imported rows of a suite. Files that cannot be read are logged and left out."""
        under = f"{REPORTED}{suite}"
        return retry_on_conflict(lambda: read_reported(self._store.snapshot(under), suite))


def read_reported(snapshot: Snapshot, suite: str) -> list[ReportedRow]:
    """Return the imported rows of a suite. Files that cannot be read are logged and left out.

    Raises:
        ConflictError: A file has changed since the snapshot.
    """
    begin = f"{REPORTED}{suite}/"
    paths = sorted(path for path in snapshot.files if path.startswith(begin))
    rows: list[ReportedRow] = []
    for path, content in snapshot.read_many(paths, at_most=MAX_BYTES):
        try:
            rows.append(_parse(content, path).row)
        except (FileTooLarge, RecordError) as exc:
            logger.warning("%s", exc)
    return rows


def _parse(content: bytes | FileTooLarge, path: str) -> ImportedFile:
    if isinstance(content, FileTooLarge):
        raise content
    try:
        return ImportedFile.model_validate_json(content)
    except ValidationError as exc:
        raise RecordError(f"Imported file {path!r} cannot be read: {first_problem(exc)}.") from exc


def _path(file: ImportedFile, suite: str) -> str:
    digest = hashlib.sha256(file.to_json()).hexdigest()[:DIGITS]
    return f"{REPORTED}{suite}/{digest}.json"
