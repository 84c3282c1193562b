"""`evalboard bench`: compare the speed of lm_eval and this project on this machine."""

import argparse
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.table import Table

from evalboard.bench import report as reports
from evalboard.bench.cases import KINDS, SIZES, USUAL_KINDS
from evalboard.bench.programs import OURS, PROGRAMS, VLLM
from evalboard.bench.report import CaseReport, Report
from evalboard.bench.session import Wishes, measure
from evalboard.cli.reporting import console
from evalboard.errors import ConfigError, EvalboardError
from evalboard.settings import Settings


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure all cases. Show and write the results so far after each case."""
    wishes = _wishes(arguments)
    for path in (arguments.json, arguments.markdown):
        if path and not path.resolve().parent.is_dir():
            raise ConfigError(
                f"The folder of {str(path)!r} does not exist. Create it, or use another path."
            )
    started = time.monotonic()

    def say(text: str) -> None:
        console.print(f"{time.monotonic() - started:5.0f} s  {text} …", markup=False)

    with _folder_kept_after_failure() as folder:
        for report in measure(wishes, settings, folder, say=say):
            _show(report)
            _write(report, arguments)
    say("done")
    return 0


def _wishes(arguments: argparse.Namespace) -> Wishes:
    if arguments.limit is not None and arguments.limit < 1:
        raise ConfigError(f"--limit cannot be {arguments.limit}. Use a number of at least 1.")
    return Wishes(
        command=_command(arguments),
        kinds=_chosen("--cases", arguments.cases, KINDS) or USUAL_KINDS,
        sizes=_chosen("--models", arguments.models, SIZES),
        quick=arguments.quick,
        limit=arguments.limit,
        pipeline=arguments.pipeline,
        programs=(VLLM, OURS) if arguments.only_vllm else PROGRAMS,
    )


def _chosen(option: str, given: str, known: tuple[str, ...]) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(word for word in given.split(",") if word))
    if unknown := [word for word in words if word not in known]:
        raise ConfigError(
            f"{option} cannot contain {unknown[0]!r}. Use one or more of {', '.join(known)}."
        )
    return words


def _command(arguments: argparse.Namespace) -> str:
    """Return the command without its output options."""
    words = ["evalboard", "bench"]
    flags = ("quick", "only_vllm", "pipeline")
    words += [f"--{name.replace('_', '-')}" for name in flags if getattr(arguments, name)]
    for name in ("cases", "models", "limit"):
        if value := getattr(arguments, name):
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def _write(report: Report, arguments: argparse.Namespace) -> None:
    if arguments.json:
        arguments.json.write_text(reports.to_json(report), encoding="utf-8")
    if arguments.markdown:
        arguments.markdown.write_text(reports.to_markdown(report), encoding="utf-8")


def _show(report: Report) -> None:
    """Show what was measured last: generations come after cases, and the pipeline at the end."""
    if report.pipeline:
        lines = reports.pipeline_lines(report.pipeline)
    elif report.generation:
        lines = reports.generation_lines(report.generation)
    else:
        _show_case(report.cases[-1])
        return
    for line in lines:
        console.print(line, markup=False)


def _show_case(measured: CaseReport) -> None:
    first, *numbers = reports.COLUMNS
    table = Table(first, title=reports.heading(measured), title_justify="left")
    for name in numbers:
        table.add_column(name, justify="right")
    for row in reports.rows(measured):
        table.add_row(*(cell.replace("`", "") for cell in row))
    console.print(table)
    console.print(reports.verdict(measured), markup=False)
    console.print(reports.time_line(measured), markup=False)


@contextmanager
def _folder_kept_after_failure() -> Iterator[Path]:
    """Yield a new folder. It is kept if a program fails, because the message names a log in it."""
    folder = Path(tempfile.mkdtemp(prefix="evalboard-bench-"))
    failed = False
    try:
        yield folder
    except EvalboardError:
        failed = (folder / "runs").exists()
        raise
    finally:
        if not failed:
            shutil.rmtree(folder)
