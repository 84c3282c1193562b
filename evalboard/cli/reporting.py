"""Print reports and tables for a person at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from evalboard.records.report import Level, Report
from evalboard.wording import MAX_TEXT_CHARACTERS, plain

STYLES = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.INFO: "cyan"}
# A pipe has no width of its own, and at 80 columns tables would lose what is in them.
PIPE_WIDTH = 250
console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)
MAX_LINE_CHARACTERS = 10_000


def cell(text: str, style: str = "", *, longest: int = MAX_TEXT_CHARACTERS) -> Text:
    """Return a text of a stranger for a table: no markup, and nothing that a terminal obeys.

    A long text would take the room of the other columns.
    """
    return Text(plain(text, longest), style=style)


@contextmanager
def stage(text: str) -> Iterator[Callable[[str], object]]:
    """Show what is waited for while the context is open, and yield a function that changes it.

    A terminal shows it until the wait is over. A file or a pipe gets a line for each text.
    """
    if console.is_terminal:
        with console.status(escape(text)) as status:
            yield lambda changed: status.update(escape(changed))
    else:
        say_at_once(text)
        yield say_at_once


def say_nothing(text: str) -> None:
    """Leave a line out that a table on the terminal shows already."""


def say_at_once(text: str) -> None:
    """Print a line, also into a pipe, before more work is done."""
    say(text)
    sys.stdout.flush()


def say(text: str, *, is_error: bool = False) -> None:
    """Print a line that can contain a stranger's text, and nothing that a terminal obeys."""
    print(plain(text, MAX_LINE_CHARACTERS), file=sys.stderr if is_error else sys.stdout)


def print_report(report: Report) -> None:
    """Print every finding, the errors first."""
    verdict = "[green]passes its checks[/]" if report.ok else "[bold red]is rejected[/]"
    console.print(f"[bold]{_shown(report.model)}[/] at {_shown(report.revision[:12])} {verdict}")
    facts = described(report.facts)
    if facts:
        console.print(f"  [dim]{_shown(facts)}[/]")
    for level in Level:
        for finding in report.findings:
            if finding.level is level:
                sign = f"[{STYLES[level]}]{level:>7}[/]"
                where = f" [dim]({_shown(finding.where)})[/]" if finding.where else ""
                console.print(f"  {sign}  {_shown(finding.message)}{where}")
                if finding.fix:
                    console.print(f"           [dim]→ {_shown(finding.fix)}[/]")


def described(facts: dict[str, Any]) -> str:
    """Return the main facts of a report as one line, empty if none is known."""
    billions = facts.get("params_billion")
    parts = (
        ", ".join(facts.get("architectures", ())),
        f"{billions:.3g} billion parameters" if billions else "",
        f"will be evaluated in {facts['precision']}" if "precision" in facts else "",
        f"on {facts['tensor_parallel']} GPUs" if facts.get("tensor_parallel", 0) > 1 else "",
        facts.get("license", ""),
    )
    return " · ".join(part for part in parts if part)


def _shown(text: str) -> str:
    return escape(plain(text))
