"""Backfill: finished models wait again, for the scores alone that their suite has gained.

Their requests go back to the queue below the priority of ordinary submissions, the best model first.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from evalboard.board.rows import Row, average_of_known, build_rows
from evalboard.board.scores import Score, named_versions
from evalboard.errors import ConfigError
from evalboard.identity import RowIdentity, row_identity
from evalboard.lifecycle import reopen
from evalboard.queueing.actions import RequestChange, as_change
from evalboard.queueing.bell import ring
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_own_queue, open_queue
from evalboard.stores.requests import QueuedRequest
from evalboard.suites.loader import find_suite, load_suite, suite_names
from evalboard.suites.model import Suite
from evalboard.wording import plain

NO_REQUEST = "This board has no request for it. Submit the model."


class MissingCells(NamedTuple):
    """One row of a board without some of its scores."""

    row: RowIdentity
    benchmarks: tuple[str, ...]
    """Keys of the benchmarks, in the suite's order."""
    priority: int
    """Of its request: minus the row's place by its average over the scores that it has, from -1."""
    path: str
    """Path of its request, empty without one."""
    problem: str = ""
    """Why its request cannot be put back, empty if it can."""

    def __str__(self) -> str:
        return f"{self.row.model} ({self.row.sha[:8]}, {self.row.precision})"


def find_missing(
    settings: Settings,
    *,
    suite: str = "",
    benchmarks: Collection[str] = (),
    with_changed: bool = False,
) -> list[MissingCells]:
    """Return the rows of a suite that lack scores, the best model first.

    Args:
        settings: The stores.
        suite: Name of the suite. Empty: the board's own.
        benchmarks: Keys of the benchmarks that count. Empty: all.
        with_changed: Whether a score is missing, too, that was measured with another version of the
            benchmark, or on other questions. All questions are read for that.

    Raises:
        ConfigError: There is no such suite or benchmark.
        DataMissing: The questions of a benchmark cannot be loaded.
        StoreError: A store cannot be read.
    """
    asked = _suite(suite, benchmarks, settings)
    documents = open_archive(settings).read().documents
    rows = build_rows(documents, asked)
    wanted = [b.key for b in asked.benchmarks if not benchmarks or b.key in benchmarks]
    now = _asked_now(asked, wanted, settings) if with_changed else {}

    def missing(row: Row) -> list[str]:
        return [key for key in wanted if not _is_current(row.scores.get(key), now.get(key))]

    return cells_of(rows, asked, settings, missing)


def cells_of(
    rows: Sequence[Row], suite: Suite, settings: Settings, missing: Callable[[Row], Sequence[str]]
) -> list[MissingCells]:
    """Return the rows of which scores are to be taken, the best model first.

    Args:
        rows: Of the suite.
        suite: The suite.
        settings: The queue.
        missing: Returns the keys of the benchmarks that a row is to be asked.
    """
    requests = _by_row(open_queue(settings).entries(), suite, load_suite(settings.suite).name)
    found: list[MissingCells] = []
    for place, row in enumerate(sorted(rows, key=partial(_best_first, suite)), start=1):
        if keys := missing(row):
            path, problem = _request(requests[row.identity])
            found.append(MissingCells(row.identity, tuple(keys), -place, path, problem))
    return found


def put_back(
    found: Sequence[MissingCells], settings: Settings, *, now: datetime, by: str = ""
) -> list[RequestChange]:
    """Let the models wait for their missing scores, in one commit. Those with a problem are left out.

    Raises:
        ForeignKey: Another installation evaluates these requests.
        ConfigError: This installation cannot sign.
        StoreError: The queue cannot be read or written.
    """
    able = {cells.path: cells for cells in found if not cells.problem}
    if not able:
        return []
    changed = open_own_queue(settings).change_many(
        {
            path: lambda record, cells=cells: reopen(
                record, cells.benchmarks, cells.priority, now=now, reason=_reason(cells, by)
            )
            for path, cells in able.items()
        },
        message=f"backfill {len(able)} requests",
    )
    ring(settings)
    return [as_change(path, changed[path]) for path in able]


def _reason(cells: MissingCells, by: str) -> str:
    return f"waits for {', '.join(cells.benchmarks)}; put back by {by or 'a person'}"


def _suite(name: str, benchmarks: Collection[str], settings: Settings) -> Suite:
    suite = find_suite(name, settings)
    if suite is None:
        raise ConfigError(
            f"There is no suite {plain(name, 100)!r}. Use one of "
            f"{', '.join(suite_names(settings))}."
        )
    known = [benchmark.key for benchmark in suite.benchmarks]
    if unknown := [key for key in benchmarks if key not in known]:
        raise ConfigError(
            f"Suite {suite.name!r} has no benchmark {plain(unknown[0], 100)!r}. Use one of: "
            f"{', '.join(known)}."
        )
    return suite


def _best_first(suite: Suite, row: Row) -> tuple[float, RowIdentity]:
    known = average_of_known({key: score.value for key, score in row.scores.items()}, suite)
    return -(known or 0), row.identity


def _asked_now(
    suite: Suite, benchmarks: Sequence[str], settings: Settings
) -> dict[str, tuple[str, str]]:
    """Return the task versions and the questions of each benchmark, as a score's origin names them."""
    from evalboard.engine.benchmarks.asked_now import asked_now  # imports lm_eval

    asked = asked_now(suite, benchmarks, settings)
    return {key: (named_versions(one.task_versions), one.questions) for key, one in asked.items()}


def _is_current(score: Score | None, asked: tuple[str, str] | None) -> bool:
    """Return whether there is a score, measured on what its benchmark asks; None: on anything."""
    if score is None:
        return False
    return asked in (None, (score.origin.task_version, score.origin.questions))


def _by_row(
    entries: Iterable[QueuedRequest], suite: Suite, board_suite: str
) -> dict[RowIdentity, list[QueuedRequest]]:
    """Return this board's requests on a suite by the row that they have."""
    found: dict[RowIdentity, list[QueuedRequest]] = defaultdict(list)
    for entry in entries:
        record = entry.record
        if record and entry.is_signed and (record.evalboard.suite or board_suite) == suite.name:
            found[row_identity(record.choice)].append(entry)
    return found


def _request(entries: Sequence[QueuedRequest]) -> tuple[str, str]:
    """Return the path of a row's request, and why it cannot be put back, empty if it can.

    A row has several requests where an adapter was put on several bases. One of them is enough: their
    scores share the row.
    """
    states = {entry.path: entry.record.status for entry in entries if entry.record}
    if not states:
        return "", NO_REQUEST
    finished = [path for path, status in states.items() if status is Status.FINISHED]
    if len(finished) == len(states):
        return finished[-1], ""
    path, status = next(one for one in states.items() if one[1] is not Status.FINISHED)
    return path, f"Its request is {status}."


def as_markdown(found: Sequence[MissingCells]) -> str:
    """Return the missing scores as a table in Markdown, the best model first."""
    lines = ["| model | missing | priority | note |", "|---|---|---|---|"]
    for cells in found:
        name, keys = plain(str(cells)).replace("|", "\\|"), ", ".join(cells.benchmarks)
        lines.append(f"| {name} | {keys} | {cells.priority} | {cells.problem} |")
    return "\n".join(lines)
