"""The command line: the composition root, above flows and viewer.

Each verb is one module with a function that runs it and returns the exit code: 0 done, 1 failed,
2 wrong usage or a setting to correct. `arguments` describes them all. Only the requested verb is
imported, because an installation may contain nothing but the viewer. A verb that Ctrl-C or SIGTERM
ends before its work is done has the exit code 130 or 143, as shells expect.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from evalboard.cli.arguments import USAGE, command_line
from evalboard.cli.extras import how_to_install
from evalboard.errors import ConfigError, EvalboardError
from evalboard.wording import plain

FAILED, INTERRUPTED, BROKEN_PIPE, TERMINATED = 1, 130, 141, 143
MAX_MESSAGE_CHARACTERS = 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        try:
            return _run(words)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except ModuleNotFoundError as exc:
        _complain(how_to_install(exc, words))
        return USAGE


def _run(words: Sequence[str]) -> int:
    parsed = command_line().parse_args(words)
    # Help needs neither, and they take as long as all of it.
    from evalboard.collecting import importing
    from evalboard.log_lines import log_json
    from evalboard.services import Terminated
    from evalboard.settings import load_settings

    try:
        settings = load_settings()
        if settings.log_format == "json":
            log_json()
        with importing():
            verb = import_module(f"evalboard.cli.{parsed.verb}")
        return getattr(verb, parsed.action)(parsed, settings)
    except ConfigError as exc:
        _complain(exc.message)
        return USAGE
    except EvalboardError as exc:
        _complain(exc.message)
        return FAILED
    except Terminated:
        return TERMINATED
    except KeyboardInterrupt:
        return INTERRUPTED


def _complain(message: str) -> None:
    print(f"evalboard: {plain(message, MAX_MESSAGE_CHARACTERS)}", file=sys.stderr)
