"""What must be true at the end of a soak. Every sentence that comes back is a violation."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from evalboard.lifecycle import FOLLOWS
from evalboard.records.board_files import QUEUE_FILE
from evalboard.records.request import RequestRecord, Status
from evalboard.records.result import ResultDocument
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board, open_queue, open_store
from evalboard.stores.results import DETAILS, ResultsArchive, answers_path
from evalboard.suites.loader import load_suite
from tests.soak.audit import Event, overlaps
from tests.soak.scenario import loses_its_engine


class Edit(NamedTuple):
    """A change by somebody else that was acknowledged."""

    path: str
    key: str
    value: int


class Found(NamedTuple):
    """The stores at the end."""

    requests: Mapping[str, RequestRecord | None]
    """By path; None where a file cannot be read."""
    documents: Mapping[str, ResultDocument | None]
    """By path; the same."""
    details: frozenset[str]
    """Paths of the answers."""
    queue_file: Mapping[str, str]
    """Status by request path, as the board shows it."""


def look(settings: Settings) -> Found:
    """Read all three stores."""
    results = open_store(settings.store_address("results"), settings)
    queue = open_queue(settings)
    board = open_board(settings).snapshot()
    return Found(
        {entry.path: entry.record for entry in queue.entries()},
        {one.path: one.document for one in ResultsArchive(results).read().stored},
        frozenset(path for path in results.snapshot().files if path.startswith(DETAILS)),
        {entry["request"]: entry["status"] for entry in json.loads(board.read(QUEUE_FILE))},
    )


def violations(
    found: Found,
    events: Sequence[Event],
    *,
    paths: Iterable[str],
    edits: Iterable[Edit],
    suite: str,
    was_killed: bool,
) -> list[str]:
    """Return everything that is wrong.

    Args:
        found: The stores.
        events: What the processes noted.
        paths: Of the requests that the soak began with.
        edits: What others were told to have written.
        suite: Name of the suite.
        was_killed: Whether processes were killed; otherwise no attempt may be lost.
    """
    benchmarks = [benchmark.key for benchmark in load_suite(suite).benchmarks]
    wrong = overlaps(events)
    for path in paths:
        record = found.requests.get(path)
        if record is None:
            wrong.append(f"{path}: gone, or no request any more")
            continue
        wrong += _of_request(path, record, was_killed=was_killed)
        if found.queue_file.get(path) != record.status:
            wrong.append(f"{path}: the board shows {found.queue_file.get(path)}")
    if strange := found.requests.keys() - set(paths):
        wrong.append(f"requests that nobody made: {sorted(strange)[:5]}")
    models = [record.model for record in found.requests.values() if record]
    wrong += of_results(found, models, benchmarks)
    wrong += _of_edits(found, edits)
    wrong += [f"results without a request: {e.facts}" for e in events if e.kind == "unrequested"]
    return wrong


def _of_request(path: str, record: RequestRecord, *, was_killed: bool) -> list[str]:
    block = record.evalboard
    wrong = of_history(path, record)
    if record.status is not Status.FINISHED:
        failure = block.failure.message if block.failure else ""
        wrong.append(f"{path}: {record.status} {failure}")
    if block.attempts != 1 + block.lost_runs + block.failed_attempts:
        wrong.append(
            f"{path}: {block.attempts} attempts, {block.lost_runs} runs lost and "
            f"{block.failed_attempts} attempts failed"
        )
    if block.lost_runs and not was_killed:
        wrong.append(f"{path}: {block.lost_runs} runs lost, and nothing was killed")
    fresh = record.model_copy(update={"evalboard": block.model_copy(update={"failed_attempts": 0})})
    if block.failed_attempts != int(loses_its_engine(fresh)):
        wrong.append(f"{path}: {block.failed_attempts} attempts failed")
    return wrong


def of_history(path: str, record: RequestRecord) -> list[str]:
    """Return what is wrong where a request's history does not follow the life cycle."""
    statuses = [entry.status for entry in record.evalboard.history]
    wrong: list[str] = []
    if not statuses or statuses[-1] is not record.status:
        wrong.append(f"{path}: its history does not end with its status")
    for before, after in zip(statuses, statuses[1:], strict=False):
        if after is not before and after not in FOLLOWS[before]:  # a pause keeps the status
            wrong.append(f"{path}: {after} followed {before}")
    if statuses.count(Status.RUNNING) != record.evalboard.attempts:
        wrong.append(
            f"{path}: {record.evalboard.attempts} attempts, and its history says {statuses}"
        )
    return wrong


def of_results(found: Found, models: Sequence[str], benchmarks: Sequence[str]) -> list[str]:
    """Return what is wrong where a benchmark of a model is not in exactly one document.

    Args:
        found: The stores.
        models: All models that must have results.
        benchmarks: Keys of the suite. The answers to each must be stored, too.
    """
    wrong = [f"{path}: no result document" for path, one in found.documents.items() if one is None]
    stored: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for path, document in found.documents.items():
        if document is None:
            continue
        model = document.config.model_name
        if document.results.keys() != document.evalboard.benchmark_keys.keys():
            wrong.append(f"{path}: scores and keys differ")
        for benchmark in document.evalboard.benchmark_keys:
            stored[model, benchmark].append(path)
            if answers_path(path.rpartition("/")[0], benchmark) not in found.details:
                wrong.append(f"{path}: no answers of {benchmark}")
    counted = Counter(
        {(model, key): len(stored[model, key]) for model in models for key in benchmarks}
    )
    wrong += [
        f"{model}: {key} is in {n} documents" for (model, key), n in counted.items() if n != 1
    ]
    if strange := stored.keys() - counted.keys():
        wrong.append(f"results that nobody asked for: {sorted(strange)[:5]}")
    return wrong


def _of_edits(found: Found, edits: Iterable[Edit]) -> list[str]:
    """Of several edits of one key the last one counts."""
    wrong: list[str] = []
    for path, key, value in {(edit.path, edit.key): edit for edit in edits}.values():
        record = found.requests.get(path)
        if record is None:
            continue
        there = record.evalboard.priority if key == "priority" else _extra(record, key)
        if there != value:
            wrong.append(f"{path}: {key} was set to {value} and is {there}")
    return wrong


def _extra(record: RequestRecord, key: str) -> object:
    return (record.model_extra or {}).get(key)
