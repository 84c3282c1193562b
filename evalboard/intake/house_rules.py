"""The rules of the house: limits, duplicates, deny list. Only reading the deny list is not pure.

They apply at submission. The poll applies the same rules to waiting requests, which covers files
that were written into the store directly and simultaneous submissions.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import NamedTuple

from pydantic import BaseModel

from evalboard.errors import ConfigError
from evalboard.identity import SubmissionIdentity, request_identity
from evalboard.lifecycle import REPLACEABLE, plain_name
from evalboard.records.report import Finding
from evalboard.records.request import RequestRecord, Status
from evalboard.records.times import parse_time, timestamp
from evalboard.settings import Settings, listed_words
from evalboard.stores.requests import QueuedRequest
from evalboard.validation.findings import error, quoted

WEEK = timedelta(days=7)
ASK_THE_BOARD = "Ask the board's operators."


class Allowance(BaseModel):
    """A sender's submissions of seven days. It is a hint: the count at submission decides."""

    allowed: int | None
    """None means no limit."""
    made: int
    again: str | None = None
    """UTC time from which the next one is allowed, if none is left now."""


class Rules(NamedTuple):
    """The rules from the settings."""

    per_week: int | None = None
    """Submissions that a sender may make in seven days; None means no limit."""
    exceptions: Mapping[str, int | None] = {}
    """Limits for individual senders, by name in lower case."""
    denied: tuple[str, ...] = ()
    """Glob patterns in lower case. With a `/` they are for models, otherwise for organisations and
    senders."""

    def allowance(self, sender: str) -> int | None:
        """Return how many submissions a sender may make in seven days; None means no limit."""
        return self.exceptions.get(plain_name(sender), self.per_week)


def counting_rules(settings: Settings) -> Rules:
    """Return the limits of submissions, without the deny list."""
    return Rules(settings.submissions_per_week, settings.allowances)


def load_rules(settings: Settings) -> Rules:
    """Return the current rules.

    Raises:
        ConfigError: The file of `EVALBOARD_DENIED_FILE` cannot be read.
    """
    denied = [*listed_words(settings.denied), *_denied_in_file(settings)]
    return counting_rules(settings)._replace(denied=tuple(map(str.casefold, denied)))


def next_allowed(made: Sequence[datetime], allowed: int) -> datetime | None:
    """Return when a sender may submit again, None for now or never.

    Args:
        made: The submissions of the last seven days, the earliest first.
        allowed: The limit.
    """
    if len(made) < allowed or not allowed:
        return None
    return made[len(made) - allowed] + WEEK


def denial(rules: Rules, *, model: str, base_model: str, sender: str) -> Finding | None:
    """Return the finding on a submission on the deny list, None for any other."""
    names = [name.casefold() for name in (model, base_model) if name]
    short = [name.partition("/")[0] for name in names] + [plain_name(sender)]
    for pattern in rules.denied:
        if any(fnmatchcase(name, pattern) for name in (names if "/" in pattern else short)):
            return error(
                "denied",
                f"This board does not accept {quoted(model)} or its submitter.",
                fix=ASK_THE_BOARD,
                where="deny list",
            )
    return None


def excess(
    entries: Iterable[QueuedRequest], rules: Rules, record: RequestRecord, *, now: datetime
) -> Finding | None:
    """Return the finding on a further submission, None if it is allowed."""
    allowed = rules.allowance(record.sender)
    if allowed is None:
        return None
    return _excess(record.sender, allowed, _made_by(record.sender, entries, now))


def count_submissions(
    entries: Iterable[QueuedRequest], rules: Rules, *, sender: str, now: datetime
) -> Allowance:
    """Return a sender's submissions of seven days and the remaining number."""
    made = _made_by(sender, entries, now)
    allowed = rules.allowance(sender)
    again = None if allowed is None else next_allowed(made, allowed)
    return Allowance(allowed=allowed, made=len(made), again=timestamp(again) if again else None)


def first_of_same(
    entries: Iterable[QueuedRequest], path: str, record: RequestRecord, *, suite: str, now: datetime
) -> QueuedRequest | None:
    """Return the request that a submission repeats, None if it is the first with its identity.

    Args:
        entries: The queue.
        path: Path of the submission.
        record: The submission.
        suite: Name of the board's suite, the meaning of an empty one.
        now: First-seen time of a file without a history.
    """
    wanted = request_identity(record, suite)
    others = (e for e in entries if e.path != path and e.counts)
    same = [e for e in others if e.record and request_identity(e.record, suite) == wanted]
    first = _first([*same, QueuedRequest(path, record)], now)
    return None if first.path == path else first


def repetition(first: QueuedRequest) -> Finding:
    """Return the finding on a submission that repeats another."""
    status = first.record.status if first.record else "unreadable"
    return error(
        "duplicate",
        f"This model has already been submitted in this form: request {quoted(first.path)} is "
        f"{status}.",
        fix="See that request, or submit another revision or precision.",
        where=first.path,
    )


def refusals(
    entries: Iterable[QueuedRequest], rules: Rules, *, suite: str, now: datetime
) -> dict[str, Finding]:
    """Return the refused waiting requests with their findings, by path.

    Only the deny list can refuse a request that was claimed before: it has passed the other rules.

    Args:
        entries: The whole queue.
        rules: The rules in force.
        suite: Name of the board's suite, the meaning of an empty one.
        now: The current time, also the first-seen time of a file without a history.
    """
    by_identity: dict[SubmissionIdentity, list[QueuedRequest]] = {}
    by_sender: dict[str, list[QueuedRequest]] = {}
    found: dict[str, Finding] = {}
    for entry in entries:
        record = entry.record
        if record is None or not entry.counts or record.status is Status.REJECTED:
            continue
        denied = denial(
            rules, model=record.model, base_model=record.base_model, sender=record.sender
        )
        if denied and record.status is Status.PENDING:
            found[entry.path] = denied
            continue
        by_identity.setdefault(request_identity(record, suite), []).append(entry)
        by_sender.setdefault(plain_name(record.sender), []).append(entry)
    for same in by_identity.values():
        if len(same) > 1:
            first = _first(same, now)
            found |= {e.path: repetition(first) for e in same if e != first and _is_new(e)}
    for sender, sent in by_sender.items():
        allowed = rules.allowance(sender)
        if allowed is not None:
            found |= _in_excess([e for e in sent if e.path not in found], allowed, now)
    return found


def _in_excess(sent: list[QueuedRequest], allowed: int, now: datetime) -> dict[str, Finding]:
    """Return the findings on one sender's requests beyond the limit."""
    found: dict[str, Finding] = {}
    seen: list[datetime] = []
    for entry in sorted(sent, key=lambda entry: _rank(entry, now)[1:]):
        assert entry.record is not None
        finding = _excess(entry.record.sender, allowed, seen) if _is_new(entry) else None
        if finding:
            found[entry.path] = finding
        else:
            seen += _this_week([entry], now)
    return found


def _is_new(entry: QueuedRequest) -> bool:
    """Return whether a request is waiting and was never claimed."""
    record = entry.record
    return record is not None and record.status is Status.PENDING and record.evalboard.attempts == 0


def _excess(sender: str, allowed: int, seen: list[datetime]) -> Finding | None:
    who = quoted(sender) if sender.strip() else "submitters without a name"
    if not allowed:
        return error(
            "too_many_submissions",
            f"This board accepts no submissions from {who}.",
            fix=ASK_THE_BOARD,
        )
    again = next_allowed(seen, allowed)
    if again is None:
        return None
    return error(
        "too_many_submissions",
        f"The limit for {who} is {allowed} submissions in seven days; {len(seen)} have been made.",
        fix=f"Submit again after {timestamp(again)}.",
    )


def _made_by(sender: str, entries: Iterable[QueuedRequest], now: datetime) -> list[datetime]:
    """Return the times of a sender's submissions of this week, the earliest first."""
    name = plain_name(sender)
    return _this_week((e for e in entries if e.record and plain_name(e.record.sender) == name), now)


def _this_week(entries: Iterable[QueuedRequest], now: datetime) -> list[datetime]:
    """Return the first-seen times of the counted requests, the earliest first."""
    times = (
        _first_seen(entry.record, now)
        for entry in entries
        if entry.record is not None and entry.counts and entry.record.status is not Status.REJECTED
    )
    return sorted(time for time in times if time is not None and time > now - WEEK)


def _first_seen(record: RequestRecord, now: datetime) -> datetime | None:
    """Return when this board first saw a request, None if unknown.

    A waiting file without a history was written by another program since the last poll. Its own
    time is not trusted.
    """
    history = record.evalboard.history
    if history:
        return parse_time(history[0].time)
    return now if record.status is Status.PENDING else parse_time(record.submitted_time)


def _first(same: list[QueuedRequest], now: datetime) -> QueuedRequest:
    """Return the request that the others with the same identity repeat.

    Started requests come before waiting ones. Rejected and cancelled ones do not block others.
    """
    return min(
        same, key=lambda e: (e.record is None or e.record.status in REPLACEABLE, _rank(e, now))
    )


def _rank(entry: QueuedRequest, now: datetime) -> tuple[bool, datetime, bool, str, str]:
    """Return the sort key of requests by arrival, started ones first."""
    assert entry.record is not None
    record = entry.record
    seen = _first_seen(record, now) or now
    is_unseen = not record.evalboard.history
    waits = record.status is Status.PENDING
    return waits, seen, is_unseen, record.submitted_time, entry.path


def _denied_in_file(settings: Settings) -> list[str]:
    if settings.denied_file is None:
        return []
    try:
        lines = settings.denied_file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(
            f"The deny list {str(settings.denied_file)!r} cannot be read: {exc}. "
            "Correct EVALBOARD_DENIED_FILE or the file."
        ) from exc
    words = (line.strip() for line in lines)
    return [word for word in words if word and not word.startswith("#")]
