"""`evalboard`, held at some points of its work until a test has done there what it wants to do.

    python -m tests.pipeline.held HOME POINT=NUMBER,... ARGUMENT...

The points are `keep`, before the holder of an engine keeps a finished benchmark, and those in `POINTS`. At each, the
first NUMBER - 1 threads pass, and all others wait until the file `go` is in HOME.
"""

import signal
import sys
from pathlib import Path
from typing import Any

from ray import cloudpickle

from evalboard.attempt import opening
from evalboard.cli import main
from evalboard.engine.placing import placement
from evalboard.intake import polling
from tests.pipeline import held_engine
from tests.pipeline.held_engine import HeldEngineHolder, hold

POINTS: dict[str, tuple[Any, str]] = {
    "poll": (polling, "view_queue"),
    "check": (opening, "open_trial"),
    "evaluate": (placement.EngineHandle, "evaluate"),
}


def hold_all(home: Path, points: dict[str, int]) -> None:
    """Hold this process at its points, and its engines at theirs."""
    if "keep" in points:
        (home / "hold-keep").write_text(str(points["keep"]), encoding="utf-8")
        cloudpickle.register_pickle_by_value(held_engine)  # Ray's workers cannot import tests
        placement.EngineHolder = HeldEngineHolder
    for point, number in points.items():
        if point in POINTS:
            hold(*POINTS[point], number, home / "go")


def points_of(text: str) -> dict[str, int]:
    """Return points and numbers from `POINT=NUMBER,...`."""
    named = (each.split("=") for each in text.split(",") if each)
    return {point: int(number) for point, number in named}


if __name__ == "__main__":
    # A shell that starts tests in the background lets them, and what they start, ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hold_all(Path(sys.argv[1]), points_of(sys.argv[2]))
    sys.exit(main(sys.argv[3:]))
