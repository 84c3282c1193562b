"""`evalboard import`: the results of others, as reported scores."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from evalboard.cli.reporting import say
from evalboard.importing.folders import Imported, read_folder
from evalboard.publishing import publish_board
from evalboard.settings import Settings
from evalboard.stores.addresses import open_reported
from evalboard.stores.reported import ImportedFile
from evalboard.suites.boards import find_board
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Read a folder, report on every file, and store what could be read.

    Returns:
        1 if nothing could be read.
    """
    suite = find_board(arguments.suite, settings).suite
    found = read_folder(
        arguments.folder, arguments.form, suite, source=arguments.source, link=arguments.link
    )
    read = [ImportedFile(row=i.row, notes=i.notes, original=i.text) for i in found if i.row]
    new = 0
    if read and not arguments.dry_run:
        new = open_reported(settings).add(read, suite.name)
        publish_board(settings, now=datetime.now(UTC))
    _report(found, new, arguments)
    return 0 if read else 1


def _report(found: Sequence[Imported], new: int, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print(json.dumps([_described(one) for one in found], indent=2))
        return
    for one in found:
        what = (
            f"{one.row.model}, {counted(len(one.row.scores), 'score')}" if one.row else "not read"
        )
        say(f"{one.path}: {what}")
        for note in one.notes:
            say(f"  {note}")
    read = sum(one.row is not None for one in found)
    stored = "nothing stored" if arguments.dry_run else f"{new} new"
    say(f"{read} of {len(found)} results were read; {stored}.")


def _described(one: Imported) -> dict[str, object]:
    row = one.row.model_dump(mode="json") if one.row else None
    return {"path": one.path, "row": row, "notes": list(one.notes)}
