"""Where a row's scores come from: its result documents, and what became of its requests."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from evalboard.errors import EvalboardError, FileTooLarge, RecordError
from evalboard.records.request import RequestRecord
from evalboard.records.result import ResultDocument, result_folder
from evalboard.records.table import QueueEntry
from evalboard.stores.results import answers_path, document_path
from leaderboard_app.board_rows import SHORT_SHA
from leaderboard_app.stored_files import StoredFiles

_BASE = re.compile(r"_[0-9a-f]{8}")
_CONFIG = (
    "backend",
    "backend_version",
    "lm_eval_version",
    "transformers_version",
    "torch_version",
    "chat_template_sha",
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
        """Where it lies; its answers lie in the same folder below `details/`."""
        return self.path.rpartition("/")[0]


def row_folder(row: dict[str, Any], suite: str) -> str:
    """Return where a row's documents lie when its weights are put on no base."""
    return result_folder(
        row["model"],
        row["sha"],
        suite,
        precision=row.get("precision", ""),
        weight_type=row.get("weight_type", ""),
        use_chat_template=bool(row.get("use_chat_template")),
    )


def read_documents(files: StoredFiles, row: dict[str, Any], suite: str) -> list[StoredDocument]:
    """Return a row's result documents, newest first.

    Of a store that cannot be listed quickly, only the one that the board names as the newest.
    Files that are no result documents, or too large for one, are left out.
    """
    newest = document_path(row_folder(row, suite), str(row["finished_time"]))
    if not files.lists_quickly and files.stamp(newest):
        paths = [newest]
    else:
        paths = _document_paths(files, row, suite)
    found = [stored for path in paths if (stored := _read_document(files, path))]
    return sorted(found, key=lambda stored: stored.document.evalboard.finished_time, reverse=True)


def find_answers(files: StoredFiles, row: dict[str, Any], suite: str, benchmark: str) -> str | None:
    """Return the path of the file with a row's answers to a benchmark, None where there is none."""
    usual = answers_path(row_folder(row, suite), benchmark)
    if files.stamp(usual):
        return usual
    folders = dict.fromkeys(stored.folder for stored in read_documents(files, row, suite))
    paths = (answers_path(folder, benchmark) for folder in folders)
    return next((path for path in paths if files.stamp(path)), None)


def describe_document(stored: StoredDocument) -> dict[str, Any]:
    """Return the parts of a result document that tell how its scores came to be."""
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
    files: StoredFiles, entries: Sequence[QueueEntry], row: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the requests that a row comes from, with every change of their status.

    Where the requests store cannot be read, a request is what the queue says of it.
    """
    fitting = [
        entry
        for entry in entries
        if entry.model == row["model"]
        and entry.sha8 == row["sha"][:SHORT_SHA]
        and entry.precision == row.get("precision")
    ]
    described = [_describe_request(files, entry, row) for entry in fitting]
    return [request for request in described if request is not None]


def _describe_request(
    files: StoredFiles, entry: QueueEntry, row: dict[str, Any]
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
        record = RequestRecord.from_json(files.read(entry.request), path=entry.request)
    except EvalboardError:
        return told
    if record.weight_type != row.get("weight_type", record.weight_type):
        return None
    if record.use_chat_template != bool(row.get("use_chat_template")):
        return None
    ours = record.evalboard
    return told | {
        "history": [change.model_dump(mode="json") for change in ours.history],
        "failure": ours.failure.model_dump(mode="json") if ours.failure else None,
    }


def _document_paths(files: StoredFiles, row: dict[str, Any], suite: str) -> list[str]:
    top = f"{row['model']}/{row['sha']}"
    way = row_folder(row, suite).split("/")[-2]
    paths: list[str] = []
    for path in files.under(top):
        folder, *rest = path.removeprefix(f"{top}/").split("/")
        fits = folder == way or (folder.startswith(way) and _BASE.fullmatch(folder, len(way)))
        if fits and len(rest) == 2 and rest[0] == suite and rest[1].endswith(".json"):
            paths.append(path)
    return paths


def _read_document(files: StoredFiles, path: str) -> StoredDocument | None:
    try:
        return StoredDocument(path, ResultDocument.from_json(files.read(path), path=path))
    except (FileTooLarge, RecordError):
        return None
