"""What a year leaves behind: logs, notes, results and broken downloads that nobody needs any more.

Only files of this installation that have not changed for a time are removed. Stores are never touched,
and neither are finished benchmarks and answers of unfinished runs: those would cost GPU hours again.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from huggingface_hub import constants

from evalboard.settings import Settings
from evalboard.stores.work import GROWING


def old_files(settings: Settings, *, age: timedelta, now: datetime) -> list[Path]:
    """Return files and folders that can be removed.

    Args:
        settings: Where they are.
        age: Time since the last change of everything in them.
        now: The time now.
    """
    latest = (now - age).timestamp()
    found = (*_left_by_runs(settings), *_set_aside(settings), *_interrupted_downloads())
    return sorted({path for path in found if _changed(path) < latest})


def remove(paths: list[Path]) -> int:
    """Remove files and folders, and return the number of bytes freed."""
    freed = 0
    for path in paths:
        freed += _size(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return freed


def _left_by_runs(settings: Settings) -> Iterator[Path]:
    for name in GROWING:
        folder = settings.work_folder / name
        yield from folder.iterdir() if folder.is_dir() else ()


def _set_aside(settings: Settings) -> Iterator[Path]:
    """Yield damaged files that were moved aside."""
    for folder in (settings.work_folder, settings.hub_state_folder, settings.signing_folder):
        yield from folder.rglob("*.torn-*")


def _interrupted_downloads() -> Iterator[Path]:
    """Yield what killed downloads left. The Hub's client begins such a file anew, under another name."""
    yield from Path(constants.HF_HUB_CACHE).glob("*/blobs/*.incomplete")


def _changed(path: Path) -> float:
    """Return the time of the last change of anything in a folder, in seconds since 1970."""
    return max(each.lstat().st_mtime for each in (path, *path.rglob("*")))


def _size(path: Path) -> int:
    return sum(each.lstat().st_size for each in (path, *path.rglob("*")) if each.is_file())
