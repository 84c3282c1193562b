"""Who may submit what, and how often: the rules of the house. Pure but for reading the deny list.

A submission is refused when it is made. The poll applies the same rules to what waits, for files
that somebody wrote into the store directly and for submissions made in the same moment.
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
    """A sender's submissions of seven days. Shown as a help: the count at submission decides."""

    allowed: int | None
    """None for any number."""
    made: int
    again: str | None = None
    """UTC time at which the next one is allowed, when none is left now."""


class Rules(NamedTuple):
    """What the settings say about submitters."""

    per_week: int | None = None
    """Submissions that a sender may make in seven days; None for any number."""
    exceptions: Mapping[str, int | None] = {}
    """The same for single senders, by their name in lower case."""
    denied: tuple[str, ...] = ()
    """Glob patterns in lower case. With a `/` they are for models, otherwise for organisations and
    senders."""

    def allowance(self, sender: str) -> int | None:
        """Return how many submissions a sender may make in seven days; None for any number."""
        return self.exceptions.get(plain_name(sender), self.per_week)


def counting_rules(settings: Settings) -> Rules:
    """Return the rules on how often somebody may submit, without the deny list."""
    return Rules(settings.submissions_per_week, settings.allowances)


def load_rules(settings: Settings) -> Rules:
    """Return the rules that are in force now.

    Raises:
        ConfigError: The file of `EVALBOARD_DENIED_FILE` cannot be read.
    """
    denied = [*listed_words(settings.denied), *_denied_in_file(settings)]
    return counting_rules(settings)._replace(denied=tuple(map(str.casefold, denied)))


def next_allowed(made: Sequence[datetime], allowed: int) -> datetime | None:
    """Return when a sender may submit again, None where that is now or never.

    Args:
        made: The submissions of the last seven days, the earliest first.
        allowed: How many of them may be.
    """
    if len(made) < allowed or not allowed:
        return None
    return made[len(made) - allowed] + WEEK


def denial(rules: Rules, *, model: str, base_model: str, sender: str) -> Finding | None:
    """Return the finding on a submission that the deny list names; None when it does not."""
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
    """Return the finding on one submission more, which is not in the queue; None when allowed."""
    allowed = rules.allowance(record.sender)
    if allowed is None:
        return None
    return _excess(record.sender, allowed, _made_by(record.sender, entries, now))


def count_submissions(
    entries: Iterable[QueuedRequest], rules: Rules, *, sender: str, now: datetime
) -> Allowance:
    """Return what a sender has submitted in seven days, and may still submit."""
    made = _made_by(sender, entries, now)
    allowed = rules.allowance(sender)
    again = None if allowed is None else next_allowed(made, allowed)
    return Allowance(allowed=allowed, made=len(made), again=timestamp(again) if again else None)


def first_of_same(
    entries: Iterable[QueuedRequest], path: str, record: RequestRecord, *, suite: str, now: datetime
) -> QueuedRequest | None:
    """Return the request that a submission repeats; None when it is the first of its identity.

    Args:
        entries: The queue.
        path: Where the submission lies, or would.
        record: The submission.
        suite: Name of the board's suite, which an empty one stands for.
        now: When a file without a history was first seen.
    """
    wanted = request_identity(record, suite)
    others = (e for e in entries if e.path != path and e.record is not None)
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
    """Return why waiting requests are refused, by path.

    What was claimed before is refused by the deny list alone: it has passed the other rules.

    Args:
        entries: The whole queue.
        rules: The rules in force.
        suite: Name of the board's suite, which an empty one stands for.
        now: The current time, which is when a file without a history was first seen.
    """
    by_identity: dict[SubmissionIdentity, list[QueuedRequest]] = {}
    by_sender: dict[str, list[QueuedRequest]] = {}
    found: dict[str, Finding] = {}
    for entry in entries:
        record = entry.record
        if record is None or record.status is Status.REJECTED:
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
    """Return which of one sender's requests are too many."""
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
    """Return whether a request waits and was never claimed."""
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
    """Return when a sender made the submissions of this week, the earliest first."""
    name = plain_name(sender)
    return _this_week((e for e in entries if e.record and plain_name(e.record.sender) == name), now)


def _this_week(entries: Iterable[QueuedRequest], now: datetime) -> list[datetime]:
    """Return when the requests that count were first seen, the earliest first."""
    times = (
        _first_seen(record, now)
        for _, record, _ in entries
        if record is not None and record.status is not Status.REJECTED
    )
    return sorted(time for time in times if time is not None and time > now - WEEK)


def _first_seen(record: RequestRecord, now: datetime) -> datetime | None:
    """Return when this board first saw a request; None when that was at no known time.

    A file that waits and has no history was put there by somebody else since the last poll: the
    time that it names is not believed.
    """
    history = record.evalboard.history
    if history:
        return parse_time(history[0].time)
    return now if record.status is Status.PENDING else parse_time(record.submitted_time)


def _first(same: list[QueuedRequest], now: datetime) -> QueuedRequest:
    """Return the request of one identity that the others repeat.

    What was started comes before what waits. A rejected or cancelled one stands in nobody's way.
    """
    return min(
        same, key=lambda e: (e.record is None or e.record.status in REPLACEABLE, _rank(e, now))
    )


def _rank(entry: QueuedRequest, now: datetime) -> tuple[bool, datetime, bool, str, str]:
    """Return what puts requests in the order in which they came; what was started comes first."""
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
