"""`evalboard reproduce`: the scores of a row again, with plain lm_eval."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from evalboard.board.measured import Measured, find_measured
from evalboard.board.naming import row_name
from evalboard.cli.reporting import say, stage
from evalboard.engine.environment import environment
from evalboard.engine.loading.loader import available_device
from evalboard.errors import ConfigError
from evalboard.process_environment import child_environment
from evalboard.records.earned import AnswersName
from evalboard.records.precision import Precision
from evalboard.reproducing.answers import Compared, compare_benchmark
from evalboard.reproducing.commands import Place, PlainRun, plain_commands, usual_backend
from evalboard.reproducing.tasks import PlainTask, plain_tasks
from evalboard.services import Services
from evalboard.settings import Settings
from evalboard.stores.addresses import open_archive, open_notices
from evalboard.stores.results import ResultsArchive
from evalboard.suites.boards import find_board
from evalboard.suites.model import Suite

SHOWN = 20
"""Differing questions that are printed; `--json` prints all."""


def do(arguments: argparse.Namespace, settings: Settings) -> int:
    """Print the commands, or run them and compare the answers.

    Returns:
        1 if answers differ that must be equal: greedy ones, and choices, in float32.
    """
    suite, archive = find_board(arguments.suite, settings).suite, open_archive(settings)
    documents, notices = archive.read().documents, open_notices(settings).read()
    measured = find_measured(" ".join(arguments.row), documents, suite, notices)
    folder = _folder(arguments, measured)
    tasks = _tasks(arguments, measured, suite, folder, settings)
    run = _run(arguments, measured, folder, settings)
    commands = plain_commands(run, tasks)
    if not arguments.run:
        print("\n".join(shlex.join(["lm_eval", *words]) for words in commands))
        return 0
    _run_all(commands, folder, settings, quiet=arguments.json)
    compared = _compare(tasks, measured, archive, run)
    _report(compared, measured, as_json=arguments.json)
    is_other = any(one.different for one in compared)
    return 1 if is_other and must_be_equal(measured) else 0


def must_be_equal(measured: Measured) -> bool:
    """Return whether plain lm_eval has to give the stored answers: greedy ones, in float32."""
    sampled = any(measured.generation(task).get("do_sample") for task in measured.configs)
    return measured.row.config.model_dtype == Precision.FLOAT32 and not sampled


def _folder(arguments: argparse.Namespace, measured: Measured) -> Path:
    usual = f"reproduced/{row_name(measured.row.identity).replace('/', '__').replace(' ', '_')}"
    return Path(arguments.output or usual).resolve()


def _tasks(
    arguments: argparse.Namespace,
    measured: Measured,
    suite: Suite,
    folder: Path,
    settings: Settings,
) -> list[PlainTask]:
    asked = suite.select(arguments.benchmarks)
    scored = [b for b in asked if b.key in measured.row.scores]
    if not scored:
        raise ConfigError(f"{row_name(measured.row.identity)!r} has no score on these benchmarks.")
    names = (
        [part.task_name for b in scored for part in b.subjects or (b,)] if suite.generation else []
    )
    generation = {name: _options(measured.generation(name)) for name in names}
    return plain_tasks(
        scored, suite, mirror=settings.datasets, folder=folder / "tasks", generation=generation
    )


def _options(generation: Any) -> dict[str, Any]:
    # A seed is an argument of this project's engines alone.
    return {name: value for name, value in generation.items() if name != "seed"}


def _run(
    arguments: argparse.Namespace, measured: Measured, folder: Path, settings: Settings
) -> PlainRun:
    config = measured.row.config
    return PlainRun(
        config=config,
        model=_place(
            config.model_name, config.model_sha, settings, others=measured.row.former_names
        ),
        base=_place(config.base_model, config.base_revision, settings),
        engine=measured.newest.evalboard.engine_settings,
        backend=arguments.backend or usual_backend(config),
        tasks=folder / "tasks",
        output=folder / "output",
        limit=arguments.limit,
    )


def _place(model: str, revision: str, settings: Settings, others: Sequence[str] = ()) -> Place:
    """Return a model's folder in EVALBOARD_MODELS, under any of its names, or its place on the Hub."""
    for name in (model, *others):
        folder = settings.models / name if settings.models and name else None
        if folder and folder.is_dir():
            return Place(str(folder.resolve()))
    return Place(model, revision)


def _run_all(
    commands: Sequence[Sequence[str]], folder: Path, settings: Settings, *, quiet: bool
) -> None:
    """Run the commands one after another.

    Raises:
        ConfigError: The folder has answers of an earlier run, or a command failed.
    """
    if (folder / "output").exists():
        raise ConfigError(
            f"{str(folder / 'output')!r} contains an earlier run. Delete it, or name another folder "
            "with --output."
        )
    device = available_device()
    variables = child_environment(
        settings,
        HF_DATASETS_CACHE=str(folder / "cache"),
        **environment(
            device=device, cpu_kv_cache_gib=settings.cpu_kv_cache_gib, offline=settings.offline
        ),
    )
    with Services(folder / "logs", variables) as services:
        for number, words in enumerate(commands, start=1):
            if not quiet:
                say(shlex.join(["lm_eval", *words]))
            text = f"Running plain lm_eval, {number} of {len(commands)} …"
            with nullcontext() if quiet else stage(text):
                services.run(f"lm_eval_{number}", [sys.executable, "-m", "lm_eval", *words])


def _compare(
    tasks: Sequence[PlainTask], measured: Measured, archive: ResultsArchive, run: PlainRun
) -> list[Compared]:
    names: dict[AnswersName, list[PlainTask]] = {}
    for task in tasks:
        folder = measured.row.scores[task.benchmark].folder
        names.setdefault(AnswersName(folder, task.benchmark, by_subject=False), []).append(task)
    stored = dict(archive.answers(names))
    if missing := [name.benchmark for name in names if name not in stored]:
        raise ConfigError(f"The store has no answers to {', '.join(missing)}.")
    return [
        compare_benchmark(names[name], answers, run.output, limit=run.limit)
        for name, answers in stored.items()
    ]


def _report(compared: Sequence[Compared], measured: Measured, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([_described(one) for one in compared], indent=2))
        return
    for one in compared:
        close = f", log-likelihoods within {one.largest_difference:.1e}"
        say(f"{one.benchmark}: {len(one.different)} of {one.questions} answers differ{close}")
    different = [difference for one in compared for difference in one.different]
    for task, question, stored, plain in different[:SHOWN]:
        say(f"  {task} {question}: stored {stored!r}, lm_eval {plain!r}")
    if len(different) > SHOWN:
        say(f"  … and {len(different) - SHOWN} more; --json prints all")
    say(f"{row_name(measured.row.identity)}: {_verdict(bool(different), measured)}")


def _described(one: Compared) -> dict[str, Any]:
    return {**one._asdict(), "different": [difference._asdict() for difference in one.different]}


def _verdict(is_other: bool, measured: Measured) -> str:
    if not is_other:
        return "all answers are equal"
    if must_be_equal(measured):
        return "answers differ that should be equal (float32, greedy)"
    return "some answers differ, as can happen in this precision or with sampling"
