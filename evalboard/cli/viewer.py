"""`evalboard viewer`: serve the board."""

import argparse

from evalboard.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Set the function to call. There are no arguments."""
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until interrupted."""
    from leaderboard_app.app import serve

    serve(settings)
    return 0
