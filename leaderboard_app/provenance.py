"""The origin of a row's scores: its result documents and its requests."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from evalboard.errors import EvalboardError, FileTooLarge, RecordError
from evalboard.identity import result_folder
from evalboard.records.board_files import QueueEntry
from evalboard.records.choice import PinnedChoice
from evalboard.records.request import RequestRecord
from evalboard.records.result import ResultDocument
from evalboard.stores.protocol import Snapshot, retry_on_conflict
from evalboard.stores.results import MAX_BYTES, answers_path, document_path
from leaderboard_app.board_rows import SHORT_SHA, names_of
from leaderboard_app.recent_snapshots import RecentSnapshots, folder_of_path, has_file

_BASE = re.compile(r"_[0-9a-f]{8}")
_WAYS = ("use_chat_template", "enable_thinking")
_CONFIG = (
    "backend",
    "backend_version",
    "lm_eval_version",
    "transformers_version",
    "torch_version",
    "chat_template_sha",
    "think_end_token",
    "base_model",
    "base_revision",
)
_OURS = (
    "benchmark_keys",
    "dataset_fingerprints",
    "failures",
    "engine_settings",
    "machine",
    "command",
    "finished_time",
)


class StoredDocument(NamedTuple):
    """One attempt's result document."""

    path: str
    document: ResultDocument

    @property
    def folder(self) -> str:
        """Its path. The answers are in the same folder below `details/`."""
        return folder_of_path(self.path)


def row_folders(row: dict[str, Any], suite: str) -> list[str]:
    """Return the folder of a row's documents by each name of its model, if it has no base model."""
    choices = (
        PinnedChoice(
            model=name,
            revision=row["sha"],
            precision=row.get("precision", ""),
            weight_type=row.get("weight_type", ""),
            use_chat_template=bool(row.get("use_chat_template")),
            enable_thinking=bool(row.get("enable_thinking")),
        )
        for name in names_of(row)
    )
    return [result_folder(choice, suite) for choice in choices]


def read_documents(
    results: RecentSnapshots, row: dict[str, Any], suite: str
) -> list[StoredDocument]:
    """Return a row's result documents, newest first.

    If the store cannot be listed quickly, only the newest document according to the board is
    returned. Files that are not result documents, or too large for one, are ignored.
    """
    found = retry_on_conflict(lambda: _read_documents(results, row, suite))
    return sorted(found, key=lambda stored: stored.document.evalboard.finished_time, reverse=True)


def find_answers(
    results: RecentSnapshots, row: dict[str, Any], suite: str, benchmark: str
) -> str | None:
    """Return the path of a row's answers to a benchmark, None if missing.

    Of a model that was measured under several names, the newest answers count.
    """
    usual = row_folders(row, suite)
    if len(usual) == 1 and (path := _answers_in(results, usual[0], benchmark)):
        return path
    newest_first = [stored.folder for stored in read_documents(results, row, suite)]
    folders = dict.fromkeys((*newest_first, *usual))
    paths = (_answers_in(results, folder, benchmark) for folder in folders)
    return next(filter(None, paths), None)


def describe_document(stored: StoredDocument) -> dict[str, Any]:
    """Return the parts of a result document with the origin of its scores."""
    document = stored.document
    ours = document.evalboard
    return {
        "path": stored.path,
        **{name: getattr(document.config, name) for name in _CONFIG},
        **{name: getattr(ours, name) for name in _OURS},
        "seconds": ours.seconds.model_dump(mode="json") | {"overhead": ours.seconds.overhead},
        "tasks": {
            task: {
                "version": str(document.versions.get(task, "")),
                "hash": document.task_hashes.get(task, ""),
                "fewshot": document.n_shot.get(task),
            }
            for task in document.n_samples
        },
    }


def read_requests(
    requests: RecentSnapshots, entries: Sequence[QueueEntry], row: dict[str, Any], suite: str
) -> list[dict[str, Any]]:
    """Return the requests of a row for a suite, with every change of their status.

    If the requests store cannot be read, the data comes from the published queue.
    """
    fitting = [
        entry
        for entry in entries
        if entry.model in names_of(row)
        and entry.sha8 == row["sha"][:SHORT_SHA]
        and entry.precision == row.get("precision")
        and entry.suite in ("", suite)
    ]
    described = [_describe_request(requests, entry, row) for entry in fitting]
    return [request for request in described if request is not None]


def _describe_request(
    requests: RecentSnapshots, entry: QueueEntry, row: dict[str, Any]
) -> dict[str, Any] | None:
    told = {
        "request": entry.request,
        "status": entry.status,
        "reason": entry.reason,
        "sender": entry.sender,
        "submitted_time": entry.submitted_time,
        "attempts": entry.attempts,
        "history": [],
        "failure": None,
    }
    try:
        content = requests.snapshot(folder_of_path(entry.request)).read(
            entry.request, at_most=MAX_BYTES
        )
        record = RequestRecord.from_json(content, path=entry.request)
    except EvalboardError:
        return told
    if record.weight_type != row.get("weight_type", record.weight_type):
        return None
    if any(getattr(record, way) != bool(row.get(way)) for way in _WAYS):
        return None
    ours = record.evalboard
    return told | {
        "history": [change.model_dump(mode="json") for change in ours.history],
        "failure": ours.failure.model_dump(mode="json") if ours.failure else None,
    }


def _answers_in(results: RecentSnapshots, folder: str, benchmark: str) -> str | None:
    path = answers_path(folder, benchmark)
    return path if has_file(results.snapshot(folder_of_path(path)), path) else None


def _read_documents(
    results: RecentSnapshots, row: dict[str, Any], suite: str
) -> list[StoredDocument]:
    places = [
        (results.snapshot(folder.rsplit("/", 2)[0]), folder) for folder in row_folders(row, suite)
    ]
    newest = [(snap, document_path(folder, str(row["finished_time"]))) for snap, folder in places]
    if results.lists_quickly or not (paths := [one for one in newest if has_file(*one)]):
        paths = [(snap, path) for snap, folder in places for path in _document_paths(snap, folder)]
    return [stored for snap, path in paths if (stored := _read_document(snap, path))]


def _document_paths(snapshot: Snapshot, usual: str) -> list[str]:
    """Return the paths of the documents in a folder of a row, and in those for its base models."""
    parent, way, suite = usual.rsplit("/", 2)
    top = f"{parent}/"
    paths: list[str] = []
    for path in sorted(snapshot.files):
        folder, *rest = path.removeprefix(top).split("/")
        fits = folder == way or (folder.startswith(way) and _BASE.fullmatch(folder, len(way)))
        is_document = len(rest) == 2 and rest[0] == suite and rest[1].endswith(".json")
        if path.startswith(top) and fits and is_document:
            paths.append(path)
    return paths


def _read_document(snapshot: Snapshot, path: str) -> StoredDocument | None:
    try:
        content = snapshot.read(path, at_most=MAX_BYTES)
        return StoredDocument(path, ResultDocument.from_json(content, path=path))
    except (FileTooLarge, RecordError):
        return None
