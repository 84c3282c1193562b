"""`evalboard backfill`: let finished models wait for the scores that their suite has gained."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.table import Table

from evalboard.cli.reporting import cell, console, say
from evalboard.publishing import publish_queue
from evalboard.queueing.backfill import MissingCells, find_missing, put_back
from evalboard.settings import Settings
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Put back the requests of models without all scores. Return 1 if this failed for one of them."""
    found = find_missing(
        settings,
        suite=arguments.suite,
        benchmarks=arguments.benchmarks,
        with_changed=arguments.changed,
    )
    told = found if arguments.dry_run else put_all_back(found, settings)
    if arguments.json:
        print(json.dumps([_document(cells) for cells in told], indent=2))
    else:
        _tell(told, is_dry=arguments.dry_run)
    return int(told != found)


def put_all_back(found: Sequence[MissingCells], settings: Settings) -> list[MissingCells]:
    """Put requests back, publish the queue, and return the rows with what went wrong."""
    changes = put_back(found, settings, now=datetime.now(UTC), by=settings.sender)
    publish_queue(settings)
    problems = {change.path: change.problem for change in changes if change.problem}
    return [cells._replace(problem=problems.get(cells.path, cells.problem)) for cells in found]


def _tell(found: list[MissingCells], *, is_dry: bool) -> None:
    if found:
        table = Table("model", "missing", "priority", "note")
        for cells in found:
            keys = ", ".join(cells.benchmarks)
            table.add_row(cell(str(cells)), keys, str(cells.priority), cell(cells.problem))
        console.print(table)
    able = [cells for cells in found if not cells.problem]
    scores = sum(len(cells.benchmarks) for cells in able)
    done = "Would be put back" if is_dry else "Put back"
    say(f"{done}: {counted(len(able), 'model')} for {counted(scores, 'score')}.")


def _document(cells: MissingCells) -> dict[str, object]:
    return {
        **cells.row._asdict(),
        "benchmarks": cells.benchmarks,
        "priority": cells.priority,
        "request": cells.path,
        "problem": cells.problem,
    }
