"""`evalboard restore`: put the stores and the signing key back from a file of `evalboard backup`."""

import argparse

from evalboard.backups import restore
from evalboard.settings import Settings
from evalboard.wording import counted


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write what is missing."""
    for store, written, already_there in restore(arguments.file, settings):
        print(f"{store}: {counted(written, 'file')} written, {already_there} were there already")
    return 0
