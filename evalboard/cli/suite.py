"""`evalboard suite`: what a suite contains."""

import argparse
import json

from rich.columns import Columns
from rich.table import Table

from evalboard.cli.reporting import console, say
from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.suites.comparison import comparison_mistakes
from evalboard.suites.form import read_form
from evalboard.suites.loader import load_suite, located, shipped_suites, suite_path


def list_suites(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the names of the shipped suites."""
    names = shipped_suites()
    print(json.dumps(names) if arguments.json else "\n".join(names))
    return 0


def show_suite(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the benchmarks of one suite."""
    suite = load_suite(arguments.suite or settings.suite)
    if arguments.json:
        print(suite.model_dump_json(indent=2, exclude={"tasks"}))
        return 0
    heads = ("key", "title", "lm_eval task", "metric", "few-shot", "group", "share of the average")
    table = Table(*heads, title=suite.title)
    for b, share in zip(suite.benchmarks, suite.shares, strict=True):
        task = f"{len(b.tasks)} subjects" if b.tasks else b.task_name
        part = f"{100 * share:.1f} %"
        table.add_row(b.key, b.title, task, b.metric, str(b.num_fewshot), b.group, part)
    console.print(table)
    for b in suite.benchmarks:
        if b.tasks:
            print(f"\nSubjects of {b.key}, each usable as a benchmark key:")
            console.print(Columns(b.tasks, padding=(0, 2)))
    return 0


def check_suite(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print every mistake in a suite file with its line; 1 if there is one."""
    path = suite_path(arguments.suite)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"Suite file {str(path)!r} cannot be read: {exc}") from exc
    form = read_form(text)
    mistakes = form.mistakes
    if form.suite:
        from evalboard.engine.benchmarks.suite_check import task_mistakes  # imports lm_eval

        mistakes = mistakes + form.located(
            [
                *task_mistakes(located(form.suite, path)),
                *comparison_mistakes(form.suite, settings),
            ]
        )
    if arguments.json:
        found = [{"line": line, "message": message} for line, message in sorted(set(mistakes))]
        print(json.dumps(found))
    else:
        for line, message in sorted(set(mistakes)):
            say(f"{path}:{line}: {message}")
        if not mistakes:
            say(f"{path}: no mistakes. Benchmarks: {len(form.numbers)}.")
    return 1 if mistakes else 0
