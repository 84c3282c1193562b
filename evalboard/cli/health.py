"""`evalboard health`: whether the queue is worked on, for monitoring and the checks of containers."""

import argparse
from datetime import UTC, datetime

from evalboard.queueing.vitals import observe, why_silent
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.board import published_queue


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Say how the board is. Return 1 if nobody polls its queue, or its store cannot be read."""
    entries = published_queue(open_board(settings).snapshot())
    vitals = observe(entries, settings, now=datetime.now(UTC))
    if why := why_silent(vitals.since_poll, settings):
        print(why)
        return 1
    states = ", ".join(f"{number} {status}" for status, number in vitals.requests.items() if number)
    assert vitals.since_poll is not None
    print(f"Polled {vitals.since_poll.total_seconds():.0f} s ago. Requests: {states or 'none'}.")
    return 0
