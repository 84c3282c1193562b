"""`evalboard backup`: the stores and the signing key in one file."""

import argparse

from evalboard.backups import back_up
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Write the file."""
    counted = back_up(arguments.file, settings)
    files = ", ".join(f"{count} of the {name} store" for name, count in counted.items())
    print(f"Wrote {arguments.file} with the files {files}, and the signing key. Keep it secret.")
    return 0
