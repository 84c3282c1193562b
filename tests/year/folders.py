"""The folders of a year on disk, with their dates: work folder, logs of the services, model cache."""

import os
import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from huggingface_hub import constants

from evalboard.cleaning import old_files, remove
from evalboard.repositories.model_cache import GIB, cached_models, drop_unused
from evalboard.services import Services
from evalboard.settings import Settings
from evalboard.stores.work import GROWING
from tests.year.schedule import DAY, Day

MODEL_BYTES = 2**20
"""Of each simulated model. What counts are their number and the limit."""
CACHED_MODELS = 50
"""Models for which the cache has room."""
CLEANED_DAYS = 7
"""Days between two calls of `evalboard clean`."""
KEPT_DAYS = 30
"""Age in days at which `evalboard clean` removes."""


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
    """

    def __init__(self, left: Sequence[Path], settings: Settings) -> None:
        self._left = left
        self._settings = settings
        self._days = 0
        self._number = 0
        self.largest = 0
        """In bytes."""

    def live(self, day: Day) -> None:
        """Leave the files of a day's evaluations, and clean the folder once a week."""
        for _ in range(day.models):
            self._leave(day)
        self._days += 1
        if self._days % CLEANED_DAYS == 0:
            self.largest = max(self.largest, size_of(self._settings.work_folder))
            age = timedelta(days=KEPT_DAYS)
            remove(old_files(self._settings, age=age, now=day.start + DAY))

    def _leave(self, day: Day) -> None:
        self._number += 1
        for path in self._left:
            copy = self._settings.work_folder / path.parent.name / f"{self._number}-{path.name}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, copy)
            else:
                shutil.copyfile(path, copy)
            for each in (*copy.rglob("*"), copy):
                os.utime(each, (day.start.timestamp(), day.start.timestamp()))


class LogsOfAYear:
    """The logs of the services, in which each flow run leaves what one left on average.

    Args:
        left: Folder with the logs of some runs.
        runs: Number of those runs.
        folder: Folder for the logs of the year.
        max_bytes: Size at which a log is moved aside.
    """

    def __init__(self, left: Path, *, runs: int, folder: Path, max_bytes: int) -> None:
        self._bytes = {log.name: log.stat().st_size / runs for log in left.glob("*.log")}
        self._folder = folder
        self._max_bytes = max_bytes
        self._services = Services(folder, {})
        folder.mkdir(parents=True)
        self.written = 0
        """Bytes over all days."""
        self.largest = 0
        """In bytes."""

    def live(self, day: Day) -> None:
        """Write the lines of a day's runs, and do what `evalboard up` does with its logs."""
        runs = sum(1 for _ in day.runs())
        for name, each in self._bytes.items():
            with (self._folder / name).open("ab") as log:
                self.written += log.write(bytes(round(each * runs)))
        self._services.cut_logs(self._max_bytes)
        self.largest = max(self.largest, size_of(self._folder))


class CacheOfAYear:
    """A model cache with a limit, into which each model is downloaded.

    Args:
        settings: With the work folder. The cache is the one of the Hub's client.
    """

    def __init__(self, settings: Settings) -> None:
        self.limit = CACHED_MODELS * MODEL_BYTES
        """In bytes."""
        self._settings = settings.model_copy(update={"model_cache_gib": self.limit / GIB})
        self._number = 0
        self.largest = 0
        """In bytes."""

    def live(self, day: Day) -> None:
        """Download the models of a day, each after room was made for it."""
        for at in day.evaluations():
            drop_unused(MODEL_BYTES, self._settings, limit=self.limit)
            folder = self._download()
            os.utime(folder, (at.timestamp(), at.timestamp()))
            size = sum(model.size for model in cached_models(self._settings))
            self.largest = max(self.largest, size)

    def _download(self) -> Path:
        self._number += 1
        folder = Path(constants.HF_HUB_CACHE) / f"models--lab--{self._number}"
        (folder / "blobs").mkdir(parents=True)
        with (folder / "blobs" / "b").open("wb") as weights:
            weights.truncate(MODEL_BYTES)
        snapshot = folder / "snapshots" / f"{self._number:040}"
        snapshot.mkdir(parents=True)
        (snapshot / "model.safetensors").symlink_to("../../blobs/b")
        return folder
