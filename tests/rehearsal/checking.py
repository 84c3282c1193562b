"""What must be true at the end of a rehearsal. Every sentence that comes back is a violation."""

import math
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import psutil

from evalboard.errors import StoreError
from evalboard.records.request import Status
from evalboard.settings import Settings
from evalboard.stores.addresses import open_board
from evalboard.stores.board import read_board
from evalboard.suites.loader import load_suite
from tests.processes import command_line
from tests.rehearsal.installation import SUITE, Installation
from tests.rehearsal.material import Models, Scores
from tests.soak.checking import Found, look, of_history, of_results

BENCHMARKS = [benchmark.key for benchmark in load_suite(SUITE).benchmarks]
TOLERANCE = 1e-12
"""Largest difference of two scores that are the same share of questions."""


def of_work(settings: Settings, models: Models, expected: Scores) -> list[str]:
    """Return what is wrong in the stores, on the board and in the work folder.

    Args:
        settings: The settings.
        models: What was submitted.
        expected: The scores that the board must show.
    """
    found = look(settings)
    wrong = [*_of_requests(found, models), *of_results(found, models.good, BENCHMARKS)]
    return [*wrong, *_of_board(settings, models, expected), *_of_left_files(settings)]


def of_health(installation: Installation) -> list[str]:
    """Return what is wrong with the services, as their health pages say."""
    pages = {
        "viewer": f"{installation.board_url}/health",
        "server": f"{installation.api_url}/health",
    }
    answers = {name: httpx.get(page, timeout=60) for name, page in pages.items()}
    return [
        f"{name}: its health is {answer.status_code} {answer.text[:200]}"
        for name, answer in answers.items()
        if answer.status_code != 200
    ]


def of_ends(ends: Mapping[str, int], folder: Path) -> list[str]:
    """Return what is wrong after SIGTERM to all programs: exit codes, and processes that stay.

    Args:
        ends: Exit codes by program.
        folder: Of the installation.
    """
    clean = {0, 128 + signal.SIGTERM, -signal.SIGTERM}
    own = {"worker": {0}, "ray": {*clean, 1}}  # `ray start --block` ends with 1 at SIGTERM
    wrong = [
        f"{name}: ended with {code} after SIGTERM"
        for name, code in ends.items()
        if code not in own.get(name, clean)
    ]
    return [*wrong, *(f"still there: {command}" for command in _left_processes(folder))]


def _of_requests(found: Found, models: Models) -> Iterator[str]:
    ends = {**dict.fromkeys(models.good, Status.FINISHED), **models.broken}
    names = [record.model for record in found.requests.values() if record]
    if sorted(names) != sorted(ends):
        yield f"the queue has requests of {sorted(names)}"
    for path, record in found.requests.items():
        if record is None:
            yield f"{path}: unreadable"
            continue
        yield from of_history(path, record)
        if record.status is not ends[record.model]:
            failure = record.evalboard.failure
            yield f"{path}: {record.status} {failure.message if failure else ''}"
        if found.queue_file.get(path) != record.status:
            yield f"{path}: the board shows {found.queue_file.get(path)}"


def _of_board(settings: Settings, models: Models, expected: Scores) -> Iterator[str]:
    try:
        frame = read_board(open_board(settings)).frame
    except StoreError as exc:
        yield f"there is no board: {exc}"
        return
    rows = {row["model"]: row for row in frame.to_dict("records")}
    if sorted(frame["model"]) != sorted(models.good):
        yield f"the board has rows of {sorted(frame['model'])}"
    for model, scores in expected.items():
        for key, score in scores.items():
            shown = rows.get(model, {}).get(key, math.nan)
            if not math.isclose(shown, score, abs_tol=TOLERANCE):
                yield f"{model}: {key} is {shown} on the board instead of {score}"


def _of_left_files(settings: Settings) -> Iterator[str]:
    """Unfinished work that nobody will finish, and the marks of runs that are over."""
    for name in ("answers", "outcomes", "runs"):
        left = [path.name for path in (settings.work_folder / name).glob("*")]
        if left:
            yield f"the work folder still has {name}: {sorted(left)[:5]}"


def _left_processes(folder: Path) -> Iterator[str]:
    me = psutil.Process()
    callers = {me, *me.parents()}  # their command lines may name the folder
    for process in psutil.process_iter():
        if process not in callers and str(folder) in command_line(process) + _home(process):
            yield command_line(process)


def _home(process: psutil.Process) -> str:
    try:
        return process.environ().get("EVALBOARD_HOME", "")
    except psutil.Error:
        return ""
