"""The command line: the composition root, above flows and viewer.

One module per verb, each with `add(verbs)`, which describes its arguments, and a function that does
it and returns the exit code: 0 done, 1 failed, 2 wrong usage or a setting to fix. Libraries are
imported where a verb needs them, so that the viewer starts where only the viewer is installed.
"""

import argparse
import sys
from collections.abc import Sequence

from evalboard import __version__
from evalboard.cli import board, demo, evaluate, run, submit, suite, up, validate, viewer
from evalboard.errors import ConfigError, EvalboardError
from evalboard.settings import load_settings

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
VERBS = (demo, up, viewer, submit, validate, run, evaluate, board, suite)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="evalboard",
        description="Run an open leaderboard of language models. Settings come from environment "
        "variables that begin with EVALBOARD_.",
    )
    parser.add_argument("--version", action="version", version=f"evalboard {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in VERBS:
        verb.add(verbs)
    parsed = parser.parse_args(arguments)
    try:
        return parsed.do(parsed, load_settings())
    except ConfigError as exc:
        print(f"evalboard: {exc.message}", file=sys.stderr)
        return USAGE
    except EvalboardError as exc:
        print(f"evalboard: {exc.message}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
