"""`evalboard viewer`: serve the board."""

import argparse

from evalboard.services import inherited
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Serve until interrupted."""
    from leaderboard_app.app import serve

    serve(settings, None if arguments.listener is None else inherited(arguments.listener))
    return 0
