"""A list of records in one file of a store: YAML, which a person can edit too, or JSON lines."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from evalboard.errors import FileTooLarge, RecordError, first_problem
from evalboard.stores.protocol import ABSENT, Snapshot, Store, Write, retry_on_conflict

MAX_BYTES, MAX_BYTES_OF_LINES = 2**20, 2**26

T = TypeVar("T", bound=BaseModel)


class ListFile(Generic[T]):
    """The name and form of a YAML file."""

    max_bytes = MAX_BYTES

    def __init__(self, path: str, record: type[T]) -> None:
        self.path = path
        self._form: TypeAdapter[list[T]] = TypeAdapter(list[record])  # pyright: ignore[reportInvalidTypeForm]

    def read(self, snapshot: Snapshot) -> tuple[T, ...]:
        """Return the records of a snapshot of the store, none without the file.

        Raises:
            RecordError: The file is not a list of such records.
            ConflictError: The file has changed since the snapshot.
        """
        if snapshot.blobs([self.path])[self.path] == ABSENT:
            return ()
        try:
            content = snapshot.read(self.path, at_most=self.max_bytes)
            return tuple(self._form.validate_python(self._entries(content)))
        except ValidationError as exc:
            raise self._damaged(first_problem(exc)) from exc
        except (FileTooLarge, yaml.YAMLError, ValueError) as exc:
            raise self._damaged(" ".join(str(exc).split())) from exc

    def content(self, records: Sequence[T]) -> bytes:
        """Return the content of the file."""
        return self._content(
            [record.model_dump(mode="json", exclude_defaults=True) for record in records]
        )

    def _entries(self, content: bytes) -> Any:
        return yaml.safe_load(content) or []

    def _content(self, entries: list[dict[str, Any]]) -> bytes:
        return yaml.safe_dump(entries, sort_keys=False, allow_unicode=True).encode()

    def _damaged(self, problem: str) -> RecordError:
        return RecordError(
            f"{self.path!r} in the results store cannot be read: {problem}. Correct the file."
        )


class LinesFile(ListFile[T]):
    """The name and form of a file of JSON lines, for lists that programs write: they can be long."""

    max_bytes = MAX_BYTES_OF_LINES

    def _entries(self, content: bytes) -> Any:
        return [json.loads(line) for line in content.splitlines()]

    def _content(self, entries: list[dict[str, Any]]) -> bytes:
        return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


class Book(Generic[T]):
    """Such a file in a store."""

    def __init__(self, store: Store, file: ListFile[T]) -> None:
        self._store, self._file = store, file

    def read(self) -> tuple[T, ...]:
        """Return all records, in the order in which they were made. Raises as `ListFile.read`."""
        return retry_on_conflict(lambda: self._file.read(self._store.snapshot()))

    def change(
        self, decide: Callable[[tuple[T, ...]], Sequence[T]], *, message: str
    ) -> tuple[T, ...]:
        """Replace the records as one commit, and return them. `decide` is called again after a conflict.

        Raises:
            RecordError: As `ListFile.read`.
        """

        def once() -> tuple[T, ...]:
            snapshot = self._store.snapshot()
            before = self._file.read(snapshot)
            after = tuple(decide(before))
            if after != before:
                path = self._file.path
                there = snapshot.blobs([path])[path]
                self._store.commit([Write(path, self._file.content(after), there)], message=message)
            return after

        return retry_on_conflict(once)
