"""Atom feeds: what became of submissions, and which models came to the board and left it. No I/O here."""

import uuid
from collections.abc import Iterable
from typing import Any, NamedTuple

from evalboard.records.board_files import GoneRow, QueueEntry
from evalboard.records.request import Status
from leaderboard_app.board_data import RankedBoard
from leaderboard_app.board_rows import SHORT_SHA, clean_rows
from leaderboard_app.language import format_number, mark, t
from leaderboard_app.pages import render
from leaderboard_app.public import with_query

MOST_ENTRIES = 100
ROW_COLUMNS = ("model", "sha", "precision", "average", "finished_time")
EPOCH = "1970-01-01T00:00:00Z"
STATUSES: dict[str, str] = {
    Status.RUNNING: mark("Running"),
    Status.PENDING: mark("Pending"),
    Status.FAILED: mark("Failed"),
    Status.REJECTED: mark("Rejected"),
    Status.CANCELLED: mark("Cancelled"),
    Status.FINISHED: mark("Finished"),
}


class Feed(NamedTuple):
    """Where a feed is, and in which language."""

    title: str
    path: str
    """Of the feed itself, below the board."""
    base: str
    """Address of the board, relative to the feed if it is not known."""
    language: str


class Entry(NamedTuple):
    """One piece of news."""

    key: str
    """Names it for ever."""
    title: str
    text: str
    updated: str
    """UTC, ISO 8601."""
    path: str
    """Of the page about it, below the board."""


def queue_feed(entries: Iterable[QueueEntry], sender: str, feed: Feed) -> str:
    """Return the status of submissions, the latest change first.

    Args:
        entries: The queue.
        sender: Name of a submitter in any case; empty for everybody.
        feed: The feed.
    """
    wanted = sender.strip().casefold()
    own = [entry for entry in entries if not wanted or entry.sender.casefold() == wanted]
    return _write([_of_request(entry, feed.language) for entry in own], feed)


def board_feed(board: RankedBoard, feed: Feed) -> str:
    """Return the models that came to the board and those that left it, the latest first."""
    gone = board.meta.gone if board.meta else ()
    shown = [name for name in ROW_COLUMNS if name in board.table.column_names]
    rows = clean_rows(board.table.select(shown))
    came = [_of_row(row, feed.language) for row in rows if row.get("finished_time")]
    return _write([*came, *(_of_gone(row, feed.language) for row in gone)], feed)


def _write(entries: list[Entry], feed: Feed) -> str:
    newest = sorted(entries, key=lambda entry: entry.updated, reverse=True)[:MOST_ENTRIES]
    return render(
        "feed.xml",
        feed.language,
        title=feed.title,
        path=feed.path,
        base=feed.base,
        id=_urn(feed.path),
        updated=newest[0].updated if newest else EPOCH,
        entries=[{**entry._asdict(), "id": _urn(entry.key)} for entry in newest],
    )


def _of_request(entry: QueueEntry, language: str) -> Entry:
    updated = entry.changed_time or entry.submitted_time or EPOCH
    status = t(STATUSES.get(entry.status, entry.status), language)
    return Entry(
        key=f"{entry.request}:{entry.status}:{updated}",
        title=f"{entry.model}: {status}",
        text=" ".join(f"{f.message} {f.fix}" for f in entry.findings) or entry.reason,
        updated=updated,
        path=with_query("queue", search=entry.model, sender=entry.sender),
    )


def _of_row(row: dict[str, Any], language: str) -> Entry:
    average, sha = row["average"], row["sha"][:SHORT_SHA]
    precision = row.get("precision") or ""
    text = "" if average is None else format_number(100 * average, 1, language=language)
    return Entry(
        key=f"{row['model']}@{row['sha']}@{precision}:{row['finished_time']}",
        title=t("{model} is on the board", language, model=row["model"]),
        text=f"{t('Average', language)} {text} %" if text else "",
        updated=row["finished_time"],
        path=with_query("model", id=row["model"], sha=sha, precision=precision),
    )


def _of_gone(row: GoneRow, language: str) -> Entry:
    return Entry(
        key=f"gone:{row.model}@{row.sha}@{row.precision}:{row.time}",
        title=t("{model} is no longer on the board", language, model=row.model),
        text=" · ".join((row.sha[:SHORT_SHA], row.precision)),
        updated=row.time,
        path=with_query("queue", search=row.model),
    )


def _urn(key: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"evalboard:{key}").urn
