"""How many submissions somebody has left, as far as the queue's page tells. No I/O here."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel

from evalboard.intake.house_rules import WEEK, counting_rules, next_allowed, plain_name
from evalboard.records.request import Status
from evalboard.records.table import QueueEntry
from evalboard.records.times import parse_time, timestamp
from evalboard.settings import Settings


class Allowance(BaseModel):
    """A sender's submissions of seven days. Shown as a help: the count at submission decides."""

    allowed: int | None
    """None for any number."""
    made: int
    again: str | None = None
    """UTC time at which the next one is allowed, when none is left now."""


def allowance_of(
    sender: str, entries: Iterable[QueueEntry], settings: Settings, *, now: datetime
) -> Allowance:
    """Return what a sender may still submit; rejected submissions do not count."""
    name = plain_name(sender)
    allowed = counting_rules(settings).allowance(sender)
    times = (
        parse_time(entry.submitted_time)
        for entry in entries
        if plain_name(entry.sender) == name and entry.status != Status.REJECTED
    )
    made = sorted(time for time in times if time is not None and time > now - WEEK)
    again = None if allowed is None else next_allowed(made, allowed)
    return Allowance(allowed=allowed, made=len(made), again=timestamp(again) if again else None)
