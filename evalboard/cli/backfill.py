"""`evalboard backfill`: let finished models wait for the scores that their suite has gained."""

import argparse
import json
from datetime import UTC, datetime

from rich.table import Table

from evalboard.cli.reporting import cell, console, say
from evalboard.publishing import publish_queue
from evalboard.queueing.actions import RequestChange
from evalboard.queueing.backfill import MissingCells, find_missing, put_back
from evalboard.settings import Settings
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Put back the requests of models without all scores. Return 1 if this failed for one of them."""
    found = find_missing(
        settings,
        suite=arguments.suite,
        benchmarks=tuple(key for key in arguments.benchmarks.split(",") if key),
        with_changed=arguments.changed,
    )
    changes: list[RequestChange] = []
    if not arguments.dry_run:
        changes = put_back(found, settings, now=datetime.now(UTC), by=settings.sender)
        publish_queue(settings)
    problems = {change.path: change.problem for change in changes if change.problem}
    told = [cells._replace(problem=problems.get(cells.path, cells.problem)) for cells in found]
    if arguments.json:
        print(json.dumps([_document(cells) for cells in told], indent=2))
    else:
        _tell(told, is_dry=arguments.dry_run)
    return int(bool(problems))


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
