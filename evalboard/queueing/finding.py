"""Find the requests that a person means: by path, or by model, revision and precision. Pure."""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from evalboard.errors import ConfigError
from evalboard.records.request import RequestRecord, Status
from evalboard.stores.requests import QueuedRequest

SHOWN = 10


class Wanted(NamedTuple):
    """What a person typed."""

    name: str
    """Path of a request, or a model's name. Case does not matter."""
    revision: str = ""
    """Commit sha or the beginning of one; empty for any."""
    precision: str = ""
    """Empty for any."""


class Found(NamedTuple):
    """One readable request."""

    path: str
    record: RequestRecord

    def __str__(self) -> str:
        record = self.record
        return f"{self.path} ({record.status}, {record.revision[:8]}, {record.precision})"


def matching(entries: Iterable[QueuedRequest], wanted: Wanted) -> list[Found]:
    """Return the requests that fit, in the entries' order."""
    requests = [Found(entry.path, entry.record) for entry in entries if entry.record is not None]
    exact = [found for found in requests if found.path == wanted.name]
    return exact or [found for found in requests if _fits(found, wanted)]


def find_one(
    entries: Sequence[QueuedRequest], wanted: Wanted, statuses: Collection[Status]
) -> Found:
    """Return the one request that a person means.

    Of several that fit, the one is meant that the action is possible for.

    Args:
        entries: The queue.
        wanted: What the person typed.
        statuses: In which the action is possible.

    Raises:
        ConfigError: None fits, or several do; the message lists the candidates.
    """
    fitting = matching(entries, wanted)
    if not fitting:
        raise ConfigError(_unknown(entries, wanted))
    possible = [found for found in fitting if found.record.status in statuses]
    candidates = possible or fitting
    if len(candidates) > 1:
        raise ConfigError(
            f"{wanted.name!r} may mean {len(candidates)} requests. Give a path, or revision and "
            f"precision: {_listed([str(found) for found in candidates])}."
        )
    return candidates[0]


def _fits(found: Found, wanted: Wanted) -> bool:
    record = found.record
    return (
        wanted.name.casefold() in (record.model.casefold(), found.path.casefold())
        and record.revision.startswith(wanted.revision)
        and wanted.precision.casefold() in ("", record.precision.casefold())
    )


def _unknown(entries: Sequence[QueuedRequest], wanted: Wanted) -> str:
    models = sorted({entry.record.model for entry in entries if entry.record is not None})
    same_model = [str(found) for found in matching(entries, Wanted(wanted.name))]
    if same_model:
        return (
            f"No request for {wanted.name!r} has this revision and precision. "
            f"There are: {_listed(same_model)}."
        )
    unreadable = [entry for entry in entries if entry.path == wanted.name]
    if unreadable:
        return unreadable[0].problem
    close = get_close_matches(wanted.name, models, n=SHOWN, cutoff=0.5)
    advice = f"Did you mean: {_listed(close)}?" if close else "`evalboard status` lists them."
    return f"The queue has no request {wanted.name!r}. {advice}"


def _listed(texts: list[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
