"""The work folder and the model cache of a year, on disk, with their dates."""

import os
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from huggingface_hub import constants

from evalboard.cleaning import old_files, remove
from evalboard.repositories.model_cache import GIB, cached_models, drop_unused
from evalboard.settings import Settings
from evalboard.stores.work import GROWING

MODEL_BYTES = 2**20
"""Of each simulated model. What counts are their number and the limit."""
CACHED_MODELS = 50
"""Models for which the cache has room."""
CLEANED_DAYS = 7
"""Days between two calls of `evalboard clean`."""


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())


def left_by_one_run(work: Path) -> list[Path]:
    """Return what one evaluation left in a work folder that grows."""
    return [path for name in GROWING for path in sorted((work / name).glob("*"))]


class WorkOfAYear:
    """A work folder in which each model leaves what a real one left.

    Args:
        left: Files and folders of one evaluation.
        settings: With the work folder.
        clean_days: Age at which `evalboard clean` removes.
    """

    def __init__(self, left: list[Path], settings: Settings, *, clean_days: int) -> None:
        self._left = left
        self._settings = settings
        self._clean_days = clean_days
        self.largest = 0
        self._number = 0

    def leave(self, day: datetime) -> None:
        """Leave the files of one more evaluation, as old as that day."""
        self._number += 1
        for path in self._left:
            copy = self._settings.work_folder / path.parent.name / f"{self._number}-{path.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy)
            else:
                shutil.copyfile(path, copy)
            for each in (*copy.rglob("*"), copy):
                os.utime(each, (day.timestamp(), day.timestamp()))

    def clean(self, day: datetime) -> None:
        """Do what `evalboard clean` does on that day."""
        self.largest = max(self.largest, size_of(self._settings.work_folder))
        age = timedelta(days=self._clean_days)
        remove(old_files(self._settings, age=age, now=day))


def cache_of_a_year(days: Iterator[datetime], settings: Settings) -> tuple[int, int]:
    """Put a model into the cache for each day, each after room was made for it.

    Returns:
        The largest size of the cache and its limit, in bytes.
    """
    limit = CACHED_MODELS * MODEL_BYTES
    settings = settings.model_copy(update={"model_cache_gib": limit / GIB})
    largest = 0
    for number, day in enumerate(days):
        drop_unused(MODEL_BYTES, settings, limit=limit)
        folder = Path(constants.HF_HUB_CACHE) / f"models--lab--{number}"
        (folder / "blobs").mkdir(parents=True)
        (folder / "blobs" / "b").write_bytes(bytes(MODEL_BYTES))
        snapshot = folder / "snapshots" / f"{number:040}"
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").symlink_to("../../blobs/b")
        os.utime(folder, (day.timestamp(), day.timestamp()))
        if number % CACHED_MODELS == 0:
            largest = max(largest, sum(model.size for model in cached_models(settings)))
    return largest, limit
