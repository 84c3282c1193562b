"""The engine of a program that `held` runs: it may wait before it keeps what it has finished."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evalboard.engine.placing.actor import EngineActor
from evalboard.engine.spec import EngineSpec
from evalboard.stores.work import WorkFolder


class HeldEngineActor(EngineActor):
    """Holds `WorkFolder.keep` in its own process, as the file `hold-keep` of the home says."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        home = spec.settings.home
        if (home / "hold-keep").exists():
            number = int((home / "hold-keep").read_text(encoding="utf-8"))
            hold(WorkFolder, "keep", number, home / "go")


def hold(owner: Any, name: str, number: int, go: Path) -> None:
    """Let all threads wait at the beginning of a function until a file is there.

    Args:
        owner: Of the function.
        name: Of the function.
        number: The first that waits; those before it pass.
        go: The file.
    """
    original: Callable[..., Any] = getattr(owner, name)
    numbers, parent = itertools.count(1), os.getppid()

    def held(*args: Any, **options: Any) -> Any:
        if next(numbers) >= number:
            while not go.exists() and os.getppid() == parent:
                time.sleep(0.02)
        return original(*args, **options)

    setattr(owner, name, held)
