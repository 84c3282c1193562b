"""`evalboard board`: build the board without waiting for a flow, or show it."""

import argparse
from datetime import UTC, datetime

from evalboard.cli.board_table import board_table, read_board
from evalboard.cli.reporting import console
from evalboard.publishing import publish_board, publish_queue
from evalboard.settings import Settings


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
    board = read_board(settings)
    if arguments.json:
        print(board.frame.to_json(orient="records", indent=2))
    else:
        console.print(board_table(board))
    return 0
