"""`evalboard board`: build the board without waiting for a flow, or show it."""

import argparse
from datetime import UTC, datetime

import pandas as pd
from rich.table import Table

from evalboard.cli.reporting import cell, console
from evalboard.publishing import publish_board, publish_queue
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.board import PublishedBoard, read_board


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    building = actions.add_parser(
        "build", help="write the table and the queue if they have changed"
    )
    building.set_defaults(do=build)
    showing = actions.add_parser("show", help="print the board")
    showing.add_argument(
        "--json", action="store_true", help="print all columns as JSON, one object per row"
    )
    showing.set_defaults(do=show)


def build(arguments: argparse.Namespace, settings: Settings) -> int:
    """Build table and queue from the stores."""
    publish_queue(settings)
    changed = publish_board(settings, now=datetime.now(UTC))
    state = "written" if changed else "unchanged"
    print(f"Board at {settings.store_address('board')}: {state}")
    return 0


def show(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the published board."""
    board = read_board(open_board(settings))
    if arguments.json:
        print(board.frame.to_json(orient="records", indent=2))
    else:
        console.print(draw_board(board))
    return 0


def draw_board(board: PublishedBoard) -> Table:
    """Return rank, model, average and every benchmark with its standard error, in percent."""
    table = Table(title=board.meta.title)
    table.add_column("#", justify="right")
    table.add_column("model")
    table.add_column("average", justify="right")
    for benchmark in board.meta.benchmarks:
        table.add_column(benchmark.title, justify="right")
    for rank, row in enumerate(board.frame.to_dict("records"), start=1):
        cells = [_percent(row["average"])]
        cells += [_percent(row[b.key], row[f"{b.key}__stderr"]) for b in board.meta.benchmarks]
        table.add_row(str(rank), cell(str(row["model"])), *cells)
    return table


def _percent(score: float | None, stderr: float | None = None) -> str:
    if score is None or pd.isna(score):
        return "—"
    error = "" if stderr is None or pd.isna(stderr) else f" ± {100 * stderr:.1f}"
    return f"{100 * score:.1f}{error}"
