"""`evalboard`, held at some points of its work until a test has done there what it wants to do.

    python -m tests.pipeline.held GO POINT=NUMBER,... ARGUMENT...

The points are in `POINTS`. At each, the first NUMBER - 1 threads pass, and all others wait until the
file GO is there.
"""

import itertools
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from evalboard.attempt import opening
from evalboard.cli import main
from evalboard.engine.placing import placement
from evalboard.stores.work import WorkFolder


class Point(NamedTuple):
    """A function at whose beginning a thread may be held."""

    owner: Any
    name: str
    concerns: Callable[..., bool] = lambda *_: True
    """Whether it is held, given its arguments."""


POINTS = {
    "check": Point(opening, "open_trial"),
    "evaluate": Point(placement, "call", lambda _, method, *__: method == "evaluate"),
    "keep": Point(WorkFolder, "keep"),
}


def hold(point: Point, number: int, go: Path) -> None:
    """Let all wait from the `number`-th on."""
    original, numbers, parent = getattr(point.owner, point.name), itertools.count(1), os.getppid()

    def held(*args: Any, **options: Any) -> Any:
        if point.concerns(*args) and next(numbers) >= number:
            while not go.exists() and os.getppid() == parent:
                time.sleep(0.02)
        return original(*args, **options)

    setattr(point.owner, point.name, held)


if __name__ == "__main__":
    # A shell that starts tests in the background lets them, and what they start, ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for each in sys.argv[2].split(","):
        name, number = each.split("=")
        hold(POINTS[name], int(number), Path(sys.argv[1]))
    sys.exit(main(sys.argv[3:]))
