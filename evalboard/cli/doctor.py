"""`evalboard doctor`: whether this machine can do what the others are told it does."""

import argparse

from evalboard.engine.placing.profile import find_layers
from evalboard.settings import Settings


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    parser.set_defaults(do=do)


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Say which layers confine engines here. Return 1 if one is missing."""
    layers = find_layers(settings)
    print(f"Engines on this machine are {layers}.")
    if all(layers):
        return 0
    print("Run the board in a container or on a machine without a route to other machines.")
    return 1
