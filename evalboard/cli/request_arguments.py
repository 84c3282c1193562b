"""The arguments that say which requests, shared by the verbs that change the queue."""

import argparse
import json
import sys

from evalboard.publishing import publish_queue
from evalboard.queueing.actions import Acted
from evalboard.queueing.finding import Wanted
from evalboard.settings import Settings


def add_request_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that name requests."""
    parser.add_argument(
        "requests", nargs="+", metavar="REQUEST", help="model, or path of a request"
    )
    parser.add_argument("--revision", default="", help="commit sha, or its beginning")
    parser.add_argument("--precision", default="", help="where a model was submitted in several")
    parser.add_argument("--json", action="store_true", help="print what became of each as JSON")


def wanted_requests(arguments: argparse.Namespace) -> list[Wanted]:
    """Return what the arguments name."""
    return [Wanted(name, arguments.revision, arguments.precision) for name in arguments.requests]


def finish(acted: list[Acted], arguments: argparse.Namespace, settings: Settings) -> int:
    """Publish the queue and say what became of each request; 1 when something did not work."""
    publish_queue(settings)
    if arguments.json:
        print(json.dumps([_document(one) for one in acted], indent=2))
    else:
        for one in acted:
            if one.record is not None:
                priority = one.record.evalboard.priority
                with_priority = f", priority {priority}" if priority else ""
                print(f"{one.path}: {one.record.status}{with_priority}")
            if one.problem:
                print(f"{one.path}: {one.problem}", file=sys.stderr)
    return int(any(one.problem for one in acted))


def _document(acted: Acted) -> dict[str, object]:
    record = acted.record
    return {
        "request": acted.path,
        "status": record.status if record else None,
        "priority": record.evalboard.priority if record else None,
        "problem": acted.problem,
    }
