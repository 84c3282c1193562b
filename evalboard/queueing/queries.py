"""Queries for requests: by path, or by model, revision, precision and suite. Pure."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from evalboard.errors import ConfigError
from evalboard.records.precision import Precision
from evalboard.records.request import RequestRecord, Status
from evalboard.stores.requests import QueuedRequest
from evalboard.wording import first_few

MAX_LISTED = 10


class RequestQuery(NamedTuple):
    """A person's query."""

    name: str
    """Path of a request, or name of a model. Case is ignored."""
    revision: str = ""
    """Commit sha or the start of it, empty for any."""
    precision: str = ""
    """Precision, empty for any."""
    suite: str = ""
    """Name of a suite, empty for any."""


class RequestMatch(NamedTuple):
    """One readable request."""

    path: str
    record: RequestRecord

    def __str__(self) -> str:
        record = self.record
        facts = (record.status, record.revision[:8], record.precision, record.evalboard.suite)
        return f"{self.path} ({', '.join(filter(None, facts))})"


def matching(
    entries: Iterable[QueuedRequest], query: RequestQuery, *, board_suite: str = ""
) -> list[RequestMatch]:
    """Return the matching requests, in the order of the entries.

    Args:
        entries: The queue.
        query: The person's query.
        board_suite: Name of the first board's suite, the meaning of an empty one.
    """
    requests = [
        RequestMatch(entry.path, entry.record) for entry in entries if entry.record is not None
    ]
    exact = [found for found in requests if found.path == query.name]
    return exact or [found for found in requests if _fits(found, query, board_suite)]


def find_one(
    entries: Sequence[QueuedRequest],
    query: RequestQuery,
    statuses: Collection[Status],
    *,
    board_suite: str = "",
) -> RequestMatch:
    """Return the only request that matches a query.

    If several match, those for which the action is possible count.

    Args:
        entries: The queue.
        query: The person's query.
        statuses: Statuses in which the action is possible.
        board_suite: As for `matching`.

    Raises:
        ConfigError: No request matches, or several do. The message lists the candidates.
    """
    fitting = matching(entries, query, board_suite=board_suite)
    if not fitting:
        raise ConfigError(_unknown(entries, query))
    possible = [found for found in fitting if found.record.status in statuses]
    candidates = possible or fitting
    if len(candidates) > 1:
        raise ConfigError(
            f"{query.name!r} matches {len(candidates)} requests. Add a revision, a precision or a "
            f"suite, or use the path of one: {first_few([str(found) for found in candidates], MAX_LISTED)}."
        )
    return candidates[0]


def _fits(found: RequestMatch, query: RequestQuery, board_suite: str) -> bool:
    record = found.record
    suite = record.evalboard.suite or board_suite
    return (
        query.name.casefold() in (record.model.casefold(), found.path.casefold())
        and record.revision.startswith(query.revision)
        and (not query.precision or _precision(query.precision) == _precision(record.precision))
        and query.suite in ("", suite)
    )


def _precision(text: str) -> str:
    return Precision.parse(text) or text.casefold()


def _unknown(entries: Sequence[QueuedRequest], query: RequestQuery) -> str:
    models = sorted({entry.record.model for entry in entries if entry.record is not None})
    same_model = [str(found) for found in matching(entries, RequestQuery(query.name))]
    if same_model:
        return (
            f"No request for {query.name!r} has this revision, precision and suite. Its requests are: "
            f"{first_few(same_model, MAX_LISTED)}."
        )
    unreadable = [entry for entry in entries if entry.path == query.name]
    if unreadable:
        return unreadable[0].problem
    close = get_close_matches(query.name, models, n=MAX_LISTED, cutoff=0.5)
    advice = (
        f"Did you mean: {first_few(close, MAX_LISTED)}?"
        if close
        else "`evalboard status` lists them."
    )
    return f"The queue has no request {query.name!r}. {advice}"
