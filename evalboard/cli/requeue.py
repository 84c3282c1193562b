"""`evalboard requeue`: restart failed, rejected, cancelled or lost requests, or outdated rows."""

import argparse
import json
from datetime import UTC, datetime

from rich.table import Table

from evalboard.cli.backfill import put_all_back
from evalboard.cli.embedding import use_server
from evalboard.cli.reporting import cell, console, say
from evalboard.cli.request_arguments import finish, request_queries
from evalboard.errors import ConfigError
from evalboard.queueing.actions import AskRuns, requeue
from evalboard.queueing.outdated import OutdatedRow, find_outdated
from evalboard.settings import Settings
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Make requests pending again. Return 1 if this failed for one of them."""
    if arguments.outdated:
        return _requeue_outdated(arguments, settings)
    if not arguments.requests or arguments.dry_run:
        raise ConfigError(
            "Name a request, or use --outdated. --dry-run works only with --outdated."
        )
    changes = requeue(
        request_queries(arguments),
        settings,
        now=datetime.now(UTC),
        by=settings.sender,
        ask_runs=_ask_runs(settings),
    )
    return finish(changes, arguments, settings)


def _requeue_outdated(arguments: argparse.Namespace, settings: Settings) -> int:
    """List the rows that were measured with other versions, and let them wait unless it is a dry run."""
    found = find_outdated(settings, suite=arguments.suite, models=arguments.requests)
    before = [one.cells for one in found]
    after = before if arguments.dry_run else put_all_back(before, settings)
    told = [one._replace(cells=cells) for one, cells in zip(found, after, strict=True)]
    if arguments.json:
        print(json.dumps([_document(one) for one in told], indent=2))
    else:
        _tell(told, is_dry=arguments.dry_run)
    return int(after != before)


def _tell(found: list[OutdatedRow], *, is_dry: bool) -> None:
    if found:
        table = Table("model", "measured with", "benchmarks", "GPU hours", "note")
        for one in found:
            cells = one.cells
            hours = "?" if one.gpu_hours is None else f"{one.gpu_hours:.2f}"
            keys = ", ".join(cells.benchmarks)
            table.add_row(cell(str(cells)), cell(one.versions), keys, hours, cell(cells.problem))
        console.print(table)
    able = [one for one in found if not one.cells.problem]
    unknown = sum(one.gpu_hours is None for one in able)
    hours = sum(one.gpu_hours or 0.0 for one in able)
    done = "Would be put back" if is_dry else "Put back"
    more = f", without {counted(unknown, 'model')} whose times are not stored" if unknown else ""
    say(f"{done}: {counted(len(able), 'model')} for {hours:.2f} GPU hours{more}.")


def _document(one: OutdatedRow) -> dict[str, object]:
    return {
        **one.cells.row._asdict(),
        "versions": one.versions,
        "benchmarks": one.cells.benchmarks,
        "gpu_hours": one.gpu_hours,
        "hours": one.hours,
        "request": one.cells.path,
        "problem": one.cells.problem,
    }


def _ask_runs(settings: Settings) -> AskRuns | None:
    """Return a function that asks Prefect for the states of runs, None without a server."""
    if settings.prefect_api_url is None:
        return None
    use_server(settings, settings.prefect_api_url)
    from evalboard_prefect.tasks.runs import run_states

    return run_states
