"""Time the answers of an lm_eval model from inside its process.

Python imports a module `sitecustomize` when it starts. `install` puts a copy of this file under
that name into a folder; in every process with the folder on its PYTHONPATH, and in all their child
processes, the time in the model's answering methods is written to a file next to the copy. This
module is therefore independent, and imports lm_eval only in processes that import it anyway.
"""

import functools
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "sitecustomize"
INTERVALS = "intervals.jsonl"
EVALUATOR = "lm_eval.evaluator"
ANSWERING = ("loglikelihood", "loglikelihood_rolling", "generate_until")


def install(folder: Path) -> None:
    """Write the module that times every process with this folder on its PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(__file__, folder / f"{NAME}.py")


def read_intervals(folder: Path) -> list[tuple[float, float]]:
    """Return start and end, in seconds, of every answering that was timed; none when none was."""
    file = folder / INTERVALS
    if not file.exists():
        return []
    pairs = (json.loads(line) for line in file.read_text(encoding="utf-8").splitlines())
    return [(start, end) for start, end in pairs]


def union_seconds(intervals: Iterable[tuple[float, float]]) -> float:
    """Return how many seconds lie in at least one of the intervals."""
    seconds, covered = 0.0, float("-inf")
    for start, end in sorted(intervals):
        seconds += max(0.0, end - max(start, covered))
        covered = max(covered, end)
    return seconds


class _EvaluatorFinder(MetaPathFinder):
    """Finds lm_eval's evaluator, to put the stopwatch into it when it has been loaded."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != EVALUATOR:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            load: Callable[[ModuleType], None] = spec.loader.exec_module

            def load_timed(module: ModuleType) -> None:
                load(module)
                vars(module)["evaluate"] = _timed_evaluate(vars(module)["evaluate"], _log())

            spec.loader.exec_module = load_timed
        return spec


def _log() -> int:
    """Open the file of the intervals now: a confined engine cannot open it later."""
    file = Path(__file__).with_name(INTERVALS)
    return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)


def _timed_evaluate(evaluate: Callable[..., Any], log: int) -> Callable[..., Any]:
    @functools.wraps(evaluate)
    def timed(*args: Any, **kwargs: Any) -> Any:
        model = kwargs["lm"] if "lm" in kwargs else args[0]
        for name in ANSWERING:
            if name not in vars(model):
                setattr(model, name, _timed(getattr(model, name), log))
        return evaluate(*args, **kwargs)

    return timed


def _timed(answer: Callable[..., Any], log: int) -> Callable[..., Any]:
    @functools.wraps(answer)
    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.monotonic()
        try:
            return answer(*args, **kwargs)
        finally:
            line = json.dumps((started, time.monotonic())) + "\n"
            os.write(log, line.encode())

    return timed


def _run_the_one_it_hides() -> None:
    """Run the `sitecustomize` that Python would have found without this one."""
    here = Path(__file__).parent
    spec = PathFinder.find_spec(NAME, [entry for entry in sys.path if Path(entry) != here])
    if spec and spec.loader:
        spec.loader.exec_module(module_from_spec(spec))


if __name__ == NAME:
    sys.meta_path.insert(0, _EvaluatorFinder())
    _run_the_one_it_hides()
