"""Result documents and answers in a store, with one commit per attempt."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from evalboard.errors import EvalboardError, FileTooLarge, RecordError, StoreError
from evalboard.identity import document_folder
from evalboard.records.answers import Answers
from evalboard.records.earned import AnswersName, Earned, compact, from_bytes, to_bytes
from evalboard.records.hub_state import HubState
from evalboard.records.reported import ReportedRow
from evalboard.records.result import ResultDocument
from evalboard.records.robustness import robustness
from evalboard.records.verdict import Verdict
from evalboard.stores.notices import HUB_STATES, NOTICES, VERDICTS, Notices
from evalboard.stores.paths import REPORTED, free_path
from evalboard.stores.protocol import (
    ABSENT,
    Operation,
    Snapshot,
    Store,
    Write,
    retry_on_conflict,
)
from evalboard.stores.reported import read_reported

T = TypeVar("T")

logger = logging.getLogger(__name__)

DETAILS = "details/"
MAX_BYTES = 64 * 2**20
"""A larger file is no result document and no answers, and is not read."""
FILES_PER_COMMIT = 1000
"""Compact answers that are made together, for results that are stored without them."""


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


Changed = tuple[ResultDocument, Mapping[str, bytes]]
"""A document, and answers as Parquet by benchmark key."""


class ResultsSnapshot:
    """The results store at one moment. Reading raises `ConflictError` where a file has changed since."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @property
    def revision(self) -> str:
        """Revision of the store."""
        return self._snapshot.revision

    def documents(self) -> dict[str, str]:
        """Return the blob id of every result document by path, sorted by path."""
        return self._snapshot.blobs(_document_paths(self._snapshot))

    def reported(self, suite: str) -> list[ReportedRow]:
        """Return the imported rows of a suite; see `read_reported`."""
        return read_reported(self._snapshot, suite)

    def notices(self) -> Notices:
        """Return what the operator says of models. Raises `RecordError` if the file is damaged."""
        return NOTICES.read(self._snapshot)

    def verdicts(self) -> tuple[Verdict, ...]:
        """Return which versions give comparable scores. Raises `RecordError` if the file is damaged."""
        return VERDICTS.read(self._snapshot)

    def hub_states(self) -> tuple[HubState, ...]:
        """Return what the Hub said of the models. Raises `RecordError` if the file is damaged."""
        return HUB_STATES.read(self._snapshot)

    def read(self, paths: Iterable[str]) -> Iterator[StoredResult]:
        """Yield some documents."""
        return _read_documents(self._snapshot, paths)

    def blobs(self, names: Sequence[AnswersName | None]) -> list[str]:
        """Return the blob id of the compact answers of each of these, `ABSENT` without a file."""
        paths = [_compact_path(name) if name else "" for name in names]
        found = {"": ABSENT, **self._snapshot.blobs([path for path in paths if path])}
        return [found[path] for path in paths]

    def not_compact(self, names: Iterable[AnswersName]) -> list[AnswersName]:
        """Return of which of these the answers are stored, but not what each question earned."""
        by_name = {name: (_path(name), _compact_path(name)) for name in names}
        there = self._snapshot.blobs(path for both in by_name.values() for path in both)
        return [
            name
            for name, (path, compact) in by_name.items()
            if there[path] != ABSENT and there[compact] == ABSENT
        ]

    def earned(self, names: Iterable[AnswersName]) -> Iterator[tuple[AnswersName, Earned]]:
        """Yield what each question earned, of those that are stored and say it.

        Damaged files are logged and left out.
        """
        by_path = {_compact_path(name): name for name in names}
        for path, earned in _parsed(self._snapshot, by_path, from_bytes):
            if earned is not None:
                yield by_path[path], earned


def score_keys(documents: Iterable[ResultDocument], folder: str) -> set[str]:
    """Return the keys of all scores of one row on a suite.

    Args:
        documents: Documents of any rows and suites.
        folder: The folder of the row's documents; see `evalboard.identity.result_folder`.
    """
    found = (document for document in documents if document_folder(document) == folder)
    return {key for one in found for key in one.evalboard.benchmark_keys.values()}


class ResultsArchive:
    """Result documents in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def snapshot(self) -> ResultsSnapshot:
        """Return the newest state."""
        return ResultsSnapshot(self._store.snapshot())

    def read(self, *, model: str = "") -> Results:
        """Return every result document, or the documents of one model."""
        return retry_on_conflict(lambda: _read(self._store.snapshot(), model))

    def keys(self, folder: str) -> set[str]:
        """Return the keys of all scores of a row on a suite; see `score_keys`."""
        found = retry_on_conflict(lambda: _read(self._store.snapshot(), folder))
        return score_keys(found.documents, folder)

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
        contents = _answer_files(document, answers)

        def change() -> str:
            snapshot = self._store.snapshot()
            there = snapshot.blobs([usual, *contents])
            has_answers = named and all(there[name] != ABSENT for name in named)
            if has_answers and (stored := _find_same(snapshot, document)):
                return stored
            # Another document may have been stored in the same second.
            path = free_path(usual, lambda name: snapshot.blobs([name])[name] != ABSENT)
            operations: list[Operation] = [Write(path, document.to_json(), ABSENT)]
            operations += [Write(name, content, there[name]) for name, content in contents.items()]
            self._store.commit(operations, message=f"results of {document.config.model_name}")
            return path

        return retry_on_conflict(change)

    def change(
        self,
        path: str,
        benchmarks: Sequence[str],
        decide: Callable[[ResultDocument, Mapping[str, Answers]], Changed],
    ) -> None:
        """Change a document and some of its answers as one commit.

        Args:
            path: Of the document.
            benchmarks: Keys of the benchmarks whose answers change.
            decide: Returns the new document and answers. It is called again after a conflict.

        Raises:
            RecordError: The document or the answers cannot be read.
            StoreError: They are absent, or the store cannot be written.
        """

        def once() -> None:
            snapshot = self._store.snapshot()
            content = snapshot.read(path, at_most=MAX_BYTES)
            document = ResultDocument.from_json(content, path=path)
            folder = document_folder(document)
            found = {key: read_answers(snapshot, answers_path(folder, key)) for key in benchmarks}
            changed, answers = decide(document, found)
            contents = {path: changed.to_json(), **_answer_files(changed, answers)}
            there = snapshot.blobs(contents)
            writes = [Write(name, content, there[name]) for name, content in contents.items()]
            self._store.commit(writes, message=f"other results of {document.config.model_name}")

        retry_on_conflict(once)

    def make_compact(self, names: Iterable[AnswersName]) -> None:
        """Store what each question earned, for answers that are stored without it.

        Answers that cannot be read are logged and left out. So is everything where the store cannot be
        written: the next call makes it.
        """
        listed = list(names)
        for start in range(0, len(listed), FILES_PER_COMMIT):
            some = listed[start : start + FILES_PER_COMMIT]
            try:
                retry_on_conflict(lambda some=some: self._make_compact(some))
            except StoreError as exc:
                logger.warning("The compact answers of older results cannot be stored: %s", exc)
                return

    def _make_compact(self, names: Iterable[AnswersName]) -> None:
        snapshot = self._store.snapshot()
        by_path = {_path(name): name for name in ResultsSnapshot(snapshot).not_compact(names)}
        contents = snapshot.read_many(by_path, at_most=MAX_BYTES)
        made = dict(_compacted(by_path[path], content) for path, content in contents)
        writes = [Write(path, content, ABSENT) for path, content in made.items()]
        if writes:
            self._store.commit(writes, message=f"compact answers of {len(writes)} scores")

    def answers(self, names: Iterable[AnswersName]) -> Iterator[tuple[AnswersName, Answers]]:
        """Yield the stored answers of these. Damaged files are logged and left out."""
        by_path = {_path(name): name for name in names}
        for path, answers in _parsed(self._store.snapshot(), by_path, Answers.from_parquet):
            yield by_path[path], answers

    def contents(self, names: Iterable[AnswersName]) -> Iterator[tuple[AnswersName, bytes]]:
        """Yield the files of the stored answers of these. Damaged files are logged and left out."""
        by_path = {_path(name): name for name in names}
        for path, content in _parsed(self._store.snapshot(), by_path, _checked_answers):
            yield by_path[path], content


def _parsed(
    snapshot: Snapshot, paths: Collection[str], parse: Callable[..., T]
) -> Iterator[tuple[str, T]]:
    """Yield the content of the files that are stored and can be parsed, and log the others.

    Args:
        snapshot: Of the store.
        paths: Of the files.
        parse: Called with the bytes, and the path as `path`.
    """
    stored = [path for path, blob in snapshot.blobs(paths).items() if blob != ABSENT]
    for path, content in snapshot.read_many(stored, at_most=MAX_BYTES):
        try:
            if isinstance(content, FileTooLarge):
                raise content
            parsed = parse(content, path=path)
        except EvalboardError as exc:
            logger.warning("%s", exc)
            continue
        yield path, parsed


def document_path(folder: str, finished_time: str) -> str:
    """Return the path of a document that is the only one of its second."""
    return f"{folder}/results_{finished_time.replace(':', '-')}.json"


def answers_path(folder: str, benchmark: str) -> str:
    """Return the path of the answers to a benchmark, for the documents in a folder."""
    return f"{DETAILS}{folder}/{benchmark}.parquet"


def earned_path(folder: str, benchmark: str) -> str:
    """Return the path of what each question of a benchmark earned, for the documents in a folder."""
    return f"{DETAILS}{folder}/{benchmark}.earned"


def _answer_files(document: ResultDocument, answers: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files of answers, and of what each question earned, by path."""
    folder = document_folder(document)
    groups = (document.model_extra or {}).get("group_subtasks") or {}
    files = {answers_path(folder, key): content for key, content in answers.items()}
    return files | dict(
        _compacted(AnswersName(folder, key, key in groups, _is_repeated(document, key)), content)
        for key, content in answers.items()
    )


def _is_repeated(document: ResultDocument, benchmark: str) -> bool:
    return robustness(document.results.get(benchmark, {})) is not None


def _path(name: AnswersName) -> str:
    return answers_path(name.folder, name.benchmark)


def _checked_answers(content: bytes, *, path: str) -> bytes:
    """Return the content of a file of answers; raises as `Answers.from_parquet` does."""
    Answers.from_parquet(content, path=path)
    return content


def _compact_path(name: AnswersName) -> str:
    return earned_path(name.folder, name.benchmark)


def _compacted(name: AnswersName, content: bytes | FileTooLarge) -> tuple[str, bytes]:
    """Return path and content of what each question earned.

    The content of answers that cannot be read is that of answers that do not say it.
    """
    try:
        if isinstance(content, FileTooLarge):
            raise content
        answers = Answers.from_parquet(content, path=_path(name))
    except (FileTooLarge, RecordError) as exc:
        logger.warning("%s", exc)
        return _compact_path(name), to_bytes(None)
    return _compact_path(name), to_bytes(
        compact(answers, by_subject=name.by_subject, is_repeated=name.is_repeated)
    )


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
        if path.startswith(begin)
        and path.endswith(".json")
        and not path.startswith((DETAILS, REPORTED))
    ]


def _read(snapshot: Snapshot, folder: str) -> Results:
    stored = list(_read_documents(snapshot, _document_paths(snapshot, folder)))
    return Results(snapshot.revision, stored)


def _read_documents(snapshot: Snapshot, paths: Iterable[str]) -> Iterator[StoredResult]:
    for path, content in snapshot.read_many(paths, at_most=MAX_BYTES):
        try:
            if isinstance(content, FileTooLarge):
                raise content
            document = ResultDocument.from_json(content, path=path)
        except (FileTooLarge, RecordError) as exc:
            yield StoredResult(path, None, exc.message)
        else:
            yield StoredResult(path, document)


def _find_same(snapshot: Snapshot, document: ResultDocument) -> str | None:
    """Return the path of a document with the same benchmarks, None without one."""
    keys = document.evalboard.benchmark_keys.items()
    for path, stored, _ in _read(snapshot, document_folder(document)).stored:
        if stored and keys <= stored.evalboard.benchmark_keys.items():
            return path
    return None
