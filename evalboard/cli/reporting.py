"""Print reports and tables for a person at a terminal."""

import sys
from typing import Any

from rich.console import Console
from rich.markup import escape

from evalboard.records.report import Level, Report

STYLES = {Level.ERROR: "bold red", Level.WARNING: "yellow", Level.INFO: "cyan"}
# A pipe has no width of its own, and at 80 columns tables would lose what is in them.
PIPE_WIDTH = 250
console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def print_report(report: Report) -> None:
    """Print every finding, the errors first."""
    verdict = "[green]passes its checks[/]" if report.ok else "[bold red]is rejected[/]"
    console.print(f"[bold]{escape(report.model)}[/] at {escape(report.revision[:12])} {verdict}")
    facts = described(report.facts)
    if facts:
        console.print(f"  [dim]{escape(facts)}[/]")
    for level in Level:
        for finding in report.findings:
            if finding.level is level:
                sign = f"[{STYLES[level]}]{level:>7}[/]"
                where = f" [dim]({escape(finding.where)})[/]" if finding.where else ""
                console.print(f"  {sign}  {escape(finding.message)}{where}")
                if finding.fix:
                    console.print(f"           [dim]→ {escape(finding.fix)}[/]")


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
