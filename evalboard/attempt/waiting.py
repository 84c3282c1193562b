"""What a model waits for besides one request: the same model, with the same options, for other suites."""

from datetime import datetime
from typing import NamedTuple

from evalboard.intake.house_rules import load_rules, refusals
from evalboard.intake.request_files import is_checked
from evalboard.lifecycle import order_pending
from evalboard.records.request import RequestRecord
from evalboard.settings import Settings
from evalboard.stores.addresses import open_own_queue
from evalboard.suites.loader import find_suite, load_suite
from evalboard.suites.model import Suite


class Waiting(NamedTuple):
    """A request that can start."""

    path: str
    record: RequestRecord
    suite: Suite


def waiting_suites(record: RequestRecord, settings: Settings, *, now: datetime) -> list[Waiting]:
    """Return the requests for further suites of a request's model, the next one first.

    A request of a lower priority keeps its place in the queue, behind other models.

    Args:
        record: The request.
        settings: The stores and the rules.
        now: The current time. Requests in a pause are omitted.

    Raises:
        ConfigError: The board's suite or the deny list cannot be read.
        StoreError: The queue cannot be read.
    """
    entries = [entry for entry in open_own_queue(settings).entries() if entry.counts]
    board = load_suite(settings.suite).name
    refused = refusals(entries, load_rules(settings), suite=board, now=now)
    alike = [
        (entry.path, entry.record)
        for entry in entries
        if entry.record and entry.record.choice == record.choice and entry.path not in refused
        if entry.is_signed and is_checked(entry.record)
        if entry.record.evalboard.priority >= record.evalboard.priority
    ]
    own = record.evalboard.suite or board
    found = (
        (path, other, find_suite(other.evalboard.suite, settings))
        for path, other in order_pending(alike, now=now)
    )
    return [
        Waiting(path, other, suite) for path, other, suite in found if suite and suite.name != own
    ]
