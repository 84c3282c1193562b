"""`evalboard suite`: what a suite contains."""

import argparse
import json

from rich.columns import Columns
from rich.table import Table

from evalboard.cli.reporting import console
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite, shipped_suites


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the shipped suites")
    listing.add_argument("--json", action="store_true")
    listing.set_defaults(do=list_suites)
    showing = actions.add_parser("show", help="show the benchmarks of a suite")
    showing.add_argument("suite", nargs="?", help="default: EVALBOARD_SUITE")
    showing.add_argument("--json", action="store_true")
    showing.set_defaults(do=show_suite)


def list_suites(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the names of the shipped suites."""
    names = shipped_suites()
    print(json.dumps(names) if arguments.json else "\n".join(names))
    return 0


def show_suite(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the benchmarks of one suite."""
    suite = load_suite(arguments.suite or settings.suite)
    if arguments.json:
        print(suite.model_dump_json(indent=2, exclude={"tasks"}))
        return 0
    table = Table("key", "title", "lm_eval task", "metric", "few-shot", title=suite.title)
    for b in suite.benchmarks:
        task = f"{len(b.tasks)} subjects" if b.tasks else b.task_name
        table.add_row(b.key, b.title, task, b.metric, str(b.num_fewshot))
    console.print(table)
    for b in suite.benchmarks:
        if b.tasks:
            print(f"\nSubjects of {b.key}, each usable as a benchmark key:")
            console.print(Columns(b.tasks, padding=(0, 2)))
    return 0
