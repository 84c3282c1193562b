"""The verbs of the command line, with their arguments."""

import argparse
from collections.abc import Iterator

from evalboard.cli.arguments import command_line
from tests.docs.reference.markdown import page, prose, table


def verbs_page() -> str:
    """Return the page."""
    parser = command_line()
    sections = [part for name, verb in _verbs(parser) for part in _section(name, verb)]
    return page(
        "Verbs",
        "`evalboard VERB --help` prints the same. Exit codes: 0 done, 1 failed, 2 wrong usage or a "
        "[setting](../settings.md) to correct, 143 stopped by SIGTERM.",
        *sections,
    )


def _verbs(
    parser: argparse.ArgumentParser, words: str = ""
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Give each parser below this one, by the words that name it."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, verb in action.choices.items():
                yield f"{words} {name}".strip(), verb
                yield from _verbs(verb, name)


def _section(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    shown = [action for action in parser._actions if _is_shown(action)]
    yield f"## {name}"
    yield prose(parser.description or "")
    if shown:
        yield table(("argument", "meaning"), [(_name(a), prose(_help(a))) for a in shown])


def _is_shown(action: argparse.Action) -> bool:
    hidden = isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
    return not hidden and action.help != argparse.SUPPRESS


def _name(action: argparse.Action) -> str:
    options = ", ".join(action.option_strings)
    value = "" if action.nargs == 0 else _value(action)
    return f"`{' '.join(part for part in (options, value) if part)}`"


def _value(action: argparse.Action) -> str:
    choices = "{" + ",".join(str(c) for c in action.choices) + "}" if action.choices else ""
    name = str(action.metavar or choices or action.dest.upper())
    return {"*": f"[{name} …]", "+": f"{name} …", "?": f"[{name}]"}.get(str(action.nargs), name)


def _help(action: argparse.Action) -> str:
    required = "; required" if action.option_strings and action.required else ""
    return (action.help or "") + required
