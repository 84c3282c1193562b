"""The holder of a program that `held` runs: it may wait before it keeps what is finished."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evalboard.engine.placing.child_engine import ChildEngine
from evalboard.engine.placing.holder import MODEL, EngineHolder
from evalboard.engine.spec import EngineSpec
from evalboard.stores.work import WorkFolder


class HeldEngineHolder(EngineHolder):
    """Holds `WorkFolder.keep` in its own process, as the file `hold-keep` of the home says."""

    def __init__(
        self, spec: EngineSpec, made_of: str = MODEL, child: ChildEngine | None = None
    ) -> None:
        super().__init__(spec, made_of, child)
        home = spec.settings.home
        if (home / "hold-keep").exists() and not hasattr(WorkFolder.keep, "held"):
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
            while not go.exists():
                if os.getppid() != parent:
                    os._exit(1)  # its program has ended: nothing may be done for it any more
                time.sleep(0.02)
        return original(*args, **options)

    held.held = True  # pyright: ignore[reportFunctionMemberAccess]
    setattr(owner, name, held)
