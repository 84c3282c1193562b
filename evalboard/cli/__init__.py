"""The command line: the composition root, above flows and viewer.

Each verb is one module with `add(parser)`, which describes its arguments, and a function that runs
it and returns the exit code: 0 done, 1 failed, 2 wrong usage or a setting to correct. Only the
requested verb is imported, because an installation may contain nothing but the viewer.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from evalboard import __version__
from evalboard.errors import ConfigError, EvalboardError
from evalboard.settings import load_settings
from evalboard.wording import plain

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
MAX_MESSAGE_CHARACTERS = 10_000
VERBS = {
    "demo": "run the whole pipeline on tiny models",
    "up": "start all services on this machine and run until Ctrl-C",
    "viewer": "serve the web pages of the board",
    "submit": "check a model and add it to the queue",
    "validate": "check a model without submitting it",
    "run": "evaluate the queue in this process",
    "evaluate": "evaluate one model without the queue",
    "status": "show the requests in the queue: waiting, running, failed and why",
    "requeue": "restart failed, rejected or cancelled requests",
    "cancel": "cancel requests and stop their runs",
    "prioritise": "change the priority of waiting requests",
    "board": "build or show the board",
    "suite": "list suites, or show one",
    "doctor": "show what this machine has and lacks for engines",
    "bench": "compare the speed of evalboard with that of lm_eval",
}
"""What each verb does. A verb is the name of its module."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parsed = _parser(words).parse_args(words)
    try:
        return parsed.do(parsed, load_settings())
    except ConfigError as exc:
        _complain(exc.message)
        return USAGE
    except EvalboardError as exc:
        _complain(exc.message)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(message: str) -> None:
    print(f"evalboard: {plain(message, MAX_MESSAGE_CHARACTERS)}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}. See `{self.prog} --help`.\n")


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return a parser with every verb, and with the arguments of the requested one."""
    parser = _Parser(
        prog="evalboard",
        description="Run an open leaderboard of language models. Environment variables that start "
        "with EVALBOARD_ are the settings.",
    )
    parser.add_argument("--version", action="version", version=f"evalboard {__version__}")
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    asked_for = next((word for word in words if word in VERBS), None)
    for name, summary in VERBS.items():
        verb = verbs.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}."
        )
        if name == asked_for:
            import_module(f"evalboard.cli.{name}").add(verb)
    return parser
