"""`evalboard status`: the queue as it is now, read from the requests store and the work folder."""

import argparse
import json
import sys
from datetime import UTC, datetime
from functools import partial

from evalboard.cli.queue_table import status_table
from evalboard.cli.reporting import console
from evalboard.files import disk_of
from evalboard.intake.house_rules import plain_name
from evalboard.publishing import run_page
from evalboard.queueing.overview import overview
from evalboard.records.board_files import QueueEntry
from evalboard.repositories.model_cache import GIB, cached_models
from evalboard.settings import Settings
from evalboard.stores.addresses import open_store

MIB = 2**20


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show the queue. Return 1 if no request matches the model or the sender."""
    now = datetime.now(UTC)
    entries = overview(settings, now=now, run_url=partial(run_page, settings))
    shown = [entry for entry in entries if _is_asked_for(entry, arguments)]
    if arguments.json:
        print(json.dumps([entry.model_dump(mode="json") for entry in shown], indent=2))
    elif shown:
        console.print(status_table(shown, now=now))
        console.print(_disk(settings))
    elif not entries:
        print(_why_empty(settings))
    if not shown and (arguments.model or arguments.sender is not None):
        print("evalboard: No request matches.", file=sys.stderr)
        return 1
    return 0


def _disk(settings: Settings) -> str:
    """Return how much room this machine has for models, and how much Prefect's database takes."""
    used = sum(model.size for model in cached_models(settings)) / GIB
    limit = f" of {settings.model_cache_gib:g}" if settings.model_cache_gib else ""
    free = disk_of(settings.work_folder).free / GIB
    database = sum(file.stat().st_size for file in settings.prefect_folder.glob("prefect.db*"))
    prefect = f" Prefect's database: {database / MIB:.0f} MiB." if database else ""
    return (
        f"Models on this machine: {used:.1f}{limit} GiB. Free on the disk: {free:.1f} GiB.{prefect}"
    )


def _why_empty(settings: Settings) -> str:
    absent = open_store(settings.store_address("requests"), settings).why_absent()
    if not absent:
        return "The queue is empty."
    return (
        f"There is no queue. {absent} The first submission makes it. If it should be there, correct "
        "EVALBOARD_REQUESTS."
    )


def _is_asked_for(entry: QueueEntry, arguments: argparse.Namespace) -> bool:
    names = (entry.model.casefold(), entry.request.casefold())
    is_model = not arguments.model or arguments.model.casefold() in names
    by_sender = arguments.sender is None or plain_name(entry.sender) == plain_name(arguments.sender)
    return is_model and by_sender
