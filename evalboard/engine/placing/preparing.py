"""Examine a machine for an engine, and find its model's files, before the engine is there."""

import socket
from pathlib import Path

import psutil

from evalboard.engine.examining import examine, why_unfit
from evalboard.engine.hardware import local_gpus
from evalboard.engine.loading.combining import Combination
from evalboard.engine.loading.weights import ModelFiles
from evalboard.engine.placing.calling import Unforeseen, names_the_machine
from evalboard.engine.placing.child_engine import ChildEngine, View
from evalboard.engine.placing.skew import require_same, versions_here
from evalboard.engine.spec import EngineSpec
from evalboard.errors import MachineUnfit
from evalboard.repositories.selection import weight_files

COMBINER = "evalboard.engine.placing.combining_program"
FREE_FACTOR = 2
"""Free memory for combining beside a running engine, as a multiple of the weights: the model's turn may
come meanwhile, and its engine's holder then combines them too."""


def get_ready(spec: EngineSpec, versions: dict[str, str]) -> str:
    """Examine this machine for an engine, and find the files of its model here.

    Args:
        spec: Specification of the engine.
        versions: Versions on the machine of the run; see `skew`.

    Returns:
        Why no engine can start here, empty if one can.

    Raises:
        ProcessEnded: Another process, which combined the files, ended.
        Unforeseen: It raised an error from outside the project.
        EvalboardError: The files cannot be found, or do not fit together.
    """
    try:
        require_same(versions, versions_here(spec.backend), socket.gethostname())
    except MachineUnfit as exc:
        return exc.message
    if why := why_unfit(spec.settings):
        return why
    try:
        prepare_files(spec)
    except (MachineUnfit, Unforeseen) as exc:
        if names_the_machine(exc) and (why := examine(spec.settings)):
            return why
        raise
    return ""


def prepare_files(spec: EngineSpec) -> None:
    """Download a model's weights, and combine them where a running engine does not need the memory.

    Raises:
        EvalboardError: The files cannot be found, or do not fit together.
    """

    def combine(combination: Combination) -> None:
        combine_apart(spec, files.places, combination)

    files = ModelFiles(spec, combine)
    folders = files.download()
    needed = FREE_FACTOR * sum(map(_weight_bytes, folders))
    if local_gpus().number and psutil.virtual_memory().available > needed:
        files.loadable  # noqa: B018 - combined once


def combine_apart(spec: EngineSpec, places: list[Path], combination: Combination) -> None:
    """Combine weights in a confined process of its own.

    Args:
        spec: Specification of an engine.
        places: Folders with the files of its model and of the base.
        combination: What to combine.
    """
    questions = spec.settings.work_folder / "questions"
    readable = [combination.base, combination.own, *places]
    process = ChildEngine(spec.settings, spec.log_file)
    try:
        process.make(COMBINER, spec, View(questions, readable, [combination.into]))
        process.call("combine", *combination)
    finally:
        process.end()


def _weight_bytes(folder: Path) -> int:
    names = [file.name for file in folder.iterdir()]
    return sum((folder / name).stat().st_size for name in weight_files(names))
