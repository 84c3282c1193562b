"""Requests that arguments select, and their changes: shared by the verbs that change the queue."""

import argparse
import json

from evalboard.cli.reporting import say
from evalboard.publishing import publish_queue
from evalboard.queueing.actions import RequestChange
from evalboard.queueing.queries import RequestQuery
from evalboard.settings import Settings


def request_queries(arguments: argparse.Namespace) -> list[RequestQuery]:
    """Return the requests that the arguments name."""
    return [
        RequestQuery(name, arguments.revision, arguments.precision, arguments.suite)
        for name in arguments.requests
    ]


def finish(changes: list[RequestChange], arguments: argparse.Namespace, settings: Settings) -> int:
    """Publish the queue and print the outcome for each request. Return 1 if one failed."""
    publish_queue(settings)
    if arguments.json:
        print(json.dumps([_document(change) for change in changes], indent=2))
    else:
        for change in changes:
            if change.record is not None:
                priority = change.record.evalboard.priority
                with_priority = f", priority {priority}" if priority else ""
                say(f"{change.path}: {change.record.status}{with_priority}")
            if change.problem:
                say(f"{change.path}: {change.problem}", is_error=True)
    return int(any(change.problem for change in changes))


def _document(change: RequestChange) -> dict[str, object]:
    record = change.record
    return {
        "request": change.path,
        "status": record.status if record else None,
        "priority": record.evalboard.priority if record else None,
        "problem": change.problem,
    }
