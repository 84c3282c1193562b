"""`evalboard suite`: what a suite contains."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from rich.columns import Columns
from rich.table import Table

from evalboard.cli.reporting import console, say
from evalboard.errors import ConfigError
from evalboard.settings import Settings
from evalboard.suites.comparison import comparison_mistakes
from evalboard.suites.contradictions import Mistake
from evalboard.suites.form import read_form
from evalboard.suites.lines import LineMistake
from evalboard.suites.loader import load_suite, located, shipped_suites, suite_path
from evalboard.suites.reported import reported_mistakes


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
    """Print every mistake in a suite file, and in its reported scores, with its line; 1 if there is one."""
    path = suite_path(arguments.suite)
    form = read_form(_text(path))
    found = {(path, mistake) for mistake in form.mistakes}
    if form.suite:
        from evalboard.engine.benchmarks.suite_check import task_mistakes  # imports lm_eval

        suite = located(form.suite, path)
        further = [*task_mistakes(suite), *comparison_mistakes(form.suite, settings)]
        reported = suite.reported
        if reported and not reported.is_file():
            further.append(Mistake(("reported",), f"There is no file {str(reported)!r}."))
        elif reported:
            found |= {(reported, one) for one in reported_mistakes(_text(reported), suite)}
        found |= {(path, mistake) for mistake in form.located(further)}
    _say(sorted(found), arguments)
    if not found and not arguments.json:
        say(f"{path}: no mistakes. Benchmarks: {len(form.numbers)}.")
    return 1 if found else 0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"File {str(path)!r} cannot be read: {exc}") from exc


def _say(found: Sequence[tuple[Path, LineMistake]], arguments: argparse.Namespace) -> None:
    """Print mistakes with their files."""
    if arguments.json:
        documents = [{"file": str(file), **mistake._asdict()} for file, mistake in found]
        print(json.dumps(documents))
        return
    for file, (line, message) in found:
        say(f"{file}:{line}: {message}")
