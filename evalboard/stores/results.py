"""Result documents and answers in a store, with one commit per attempt."""

from collections.abc import Mapping
from typing import NamedTuple

from evalboard.errors import FileTooLarge, RecordError
from evalboard.identity import document_folder
from evalboard.records.answers import Answers
from evalboard.records.result import ResultDocument
from evalboard.stores.paths import free_path
from evalboard.stores.protocol import (
    ABSENT,
    Operation,
    Snapshot,
    Store,
    Write,
    retry_on_conflict,
)

DETAILS = "details/"
MAX_BYTES = 64 * 2**20
"""A larger file is no result document and no answers, and is not read."""


class StoredResult(NamedTuple):
    """One file of the results store."""

    path: str
    document: ResultDocument | None
    """None if the file is not one of this project's documents."""
    problem: str = ""


class Results(NamedTuple):
    """The content of the results store at one revision."""

    revision: str
    stored: list[StoredResult]

    @property
    def documents(self) -> list[ResultDocument]:
        """The readable documents."""
        return [s.document for s in self.stored if s.document is not None]


class ResultsArchive:
    """Result documents in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def read(self, *, model: str = "") -> Results:
        """Return every result document, or the documents of one model."""
        return retry_on_conflict(lambda: _read(self._store.snapshot(), model))

    def paths(self) -> list[str]:
        """Return the path of every result document, readable or not."""
        return retry_on_conflict(lambda: _document_paths(self._store.snapshot()))

    def add(self, document: ResultDocument, answers: Mapping[str, bytes]) -> str:
        """Write an attempt's document and answers as one commit. Return the document's path.

        Nothing is written if a document with all its benchmarks, by their keys, already exists:
        another process may have sent the commit of a killed run, and another run may store the same
        work. The second of them finds the answers of the first.

        Args:
            document: The document with all finished benchmarks.
            answers: Parquet bytes by benchmark key.
        """
        folder = document_folder(document)
        usual = document_path(folder, document.evalboard.finished_time)
        named = {answers_path(folder, key): content for key, content in answers.items()}

        def change() -> str:
            snapshot = self._store.snapshot()
            there = snapshot.blobs([usual, *named])
            has_answers = named and all(there[name] != ABSENT for name in named)
            if has_answers and (stored := _find_same(snapshot, document)):
                return stored
            # Another document may have been stored in the same second.
            path = free_path(usual, lambda name: snapshot.blobs([name])[name] != ABSENT)
            operations: list[Operation] = [Write(path, document.to_json(), ABSENT)]
            operations += [Write(name, content, there[name]) for name, content in named.items()]
            self._store.commit(operations, message=f"results of {document.config.model_name}")
            return path

        return retry_on_conflict(change)


def document_path(folder: str, finished_time: str) -> str:
    """Return the path of a document that is the only one of its second."""
    return f"{folder}/results_{finished_time.replace(':', '-')}.json"


def answers_path(folder: str, benchmark: str) -> str:
    """Return the path of the answers to a benchmark, for the documents in a folder."""
    return f"{DETAILS}{folder}/{benchmark}.parquet"


def read_answers(snapshot: Snapshot, path: str) -> Answers:
    """Return the answers to a benchmark; where they lie says `answers_path`.

    Raises:
        RecordError: The file holds no answers.
        StoreError: It is absent, larger than `MAX_BYTES`, or cannot be read.
    """
    return Answers.from_parquet(snapshot.read(path, at_most=MAX_BYTES), path=path)


def _document_paths(snapshot: Snapshot, folder: str = "") -> list[str]:
    begin = f"{folder}/" if folder else ""
    return [
        path
        for path in sorted(snapshot.files)
        if path.startswith(begin) and path.endswith(".json") and not path.startswith(DETAILS)
    ]


def _read(snapshot: Snapshot, folder: str) -> Results:
    stored: list[StoredResult] = []
    for path, content in snapshot.read_many(_document_paths(snapshot, folder), at_most=MAX_BYTES):
        try:
            if isinstance(content, FileTooLarge):
                raise content
            document = ResultDocument.from_json(content, path=path)
        except (FileTooLarge, RecordError) as exc:
            stored.append(StoredResult(path, None, exc.message))
        else:
            stored.append(StoredResult(path, document))
    return Results(snapshot.revision, stored)


def _find_same(snapshot: Snapshot, document: ResultDocument) -> str | None:
    """Return the path of a document with the same benchmarks, None without one."""
    keys = document.evalboard.benchmark_keys.items()
    for path, stored, _ in _read(snapshot, document_folder(document)).stored:
        if stored and keys <= stored.evalboard.benchmark_keys.items():
            return path
    return None
