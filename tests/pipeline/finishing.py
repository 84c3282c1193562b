"""Writes down when vLLM hands out a finished text, from inside the engine's process.

A copy of this file under the name `sitecustomize`, in a folder on the PYTHONPATH, is imported by every
process at its start. It opens its log then: a confined engine cannot open it later.
"""

import functools
import json
import os
import shutil
import sys
import time
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "sitecustomize"
LOG = "finished.jsonl"
MODULE = "evalboard.engine.vllm_texts"


def install(folder: Path) -> None:
    """Write the module into a new folder."""
    folder.mkdir()
    shutil.copyfile(__file__, folder / f"{NAME}.py")
    (folder / LOG).touch()


def finished(folder: Path) -> list[float]:
    """Return when each text was finished, by the monotonic clock of this machine."""
    return [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]


class _Finder(MetaPathFinder):
    """Finds the module, and lets its texts note their end."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if fullname != MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        assert spec
        assert spec.loader
        execute = spec.loader.exec_module

        def load(module: ModuleType) -> None:
            execute(module)
            text: Any = vars(module)["Text"]
            text._end = _noting(text._end)

        spec.loader.exec_module = load
        return spec


def _noting(end: Any) -> Any:
    log = os.open(Path(__file__).with_name(LOG), os.O_WRONLY | os.O_APPEND)

    @functools.wraps(end)
    def noting(*args: Any) -> Any:
        os.write(log, f"{json.dumps(time.monotonic())}\n".encode())
        return end(*args)

    return noting


if __name__ == NAME:
    sys.meta_path.insert(0, _Finder())
