"""`evalboard viewer`: serve the board."""

import argparse
from typing import Any

from evalboard.settings import Settings


def add(verbs: Any) -> None:
    """Describe the verb."""
    parser = verbs.add_parser("viewer", help="serve the web board")
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until interrupted."""
    from leaderboard_app.app import serve

    serve(settings)
    return 0
