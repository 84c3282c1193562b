"""Downloaded and merged models on this machine's disk, and room for the next one.

Two folders contain models: the cache of the Hub's client, and `models/` in the work folder, with the
weights that adapters and deltas were merged into. With `EVALBOARD_MODEL_CACHE_GIB` both together keep
to that limit: the models that were used longest ago go first. A model to which the links of a
running engine lead stays, and so does one that was used within the last hour, since a run may be about
to start its engine.
"""

import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from huggingface_hub import constants, scan_cache_dir
from huggingface_hub.errors import CacheNotFound

from evalboard.errors import LoadFailed, MachineUnfit
from evalboard.files import disk_of
from evalboard.settings import Settings

GIB = 2**30
STARTING_SECONDS = 3600
"""Time from the last use of a model within which the engine of a run may still be about to start."""

logger = logging.getLogger(__name__)


class CachedModel(NamedTuple):
    """The files of one model, or of one base with its adapter merged."""

    name: str
    folder: Path
    size: int
    """In bytes on the disk. Links count nothing."""
    used: float
    """Time of the last use, in seconds since 1970."""


def cached_models(settings: Settings) -> list[CachedModel]:
    """Return the models on this machine, the one that was used longest ago first."""
    return sorted((*_downloaded(), *_merged(settings)), key=lambda model: model.used)


def note_use(folder: Path) -> None:
    """Note that a model is used now."""
    os.utime(folder)


def make_room(model: str, missing: int, settings: Settings) -> None:
    """Delete models that were used longest ago until another one fits.

    Without a limit nothing is deleted.

    Args:
        model: Name of the model that is to be downloaded.
        missing: Bytes of its files that are not on this machine.
        settings: With the limit.

    Raises:
        LoadFailed: The model is larger than the limit or the whole disk.
        MachineUnfit: The disk has too little space, and nothing more may be deleted.
    """
    if not missing:
        return
    limit = settings.model_cache_bytes
    if limit is not None:
        _check_size(model, missing, limit, "EVALBOARD_MODEL_CACHE_GIB allows")
        drop_unused(missing, settings, limit=limit)
    disk = disk_of(Path(constants.HF_HUB_CACHE))
    _check_size(model, missing, disk.total, f"the disk of {socket.gethostname()} has")
    if missing > disk.free:
        raise MachineUnfit(
            f"Model {model!r} needs {missing / GIB:.1f} GiB, and the disk of {socket.gethostname()} "
            f"has {disk.free / GIB:.1f} GiB left. Free some space, set HF_HOME to a folder on a "
            "larger disk, or set EVALBOARD_MODEL_CACHE_GIB so that unused models are deleted."
        )


def drop_unused(
    missing: int, settings: Settings, *, limit: int, dry_run: bool = False
) -> list[str]:
    """Delete the models that were used longest ago, and return their names.

    Args:
        missing: Bytes that are needed beside the models that stay.
        settings: Where the models are.
        limit: Bytes of all models together.
        dry_run: Whether the names alone are asked for.
    """
    models = cached_models(settings)
    in_use = set(_in_use(settings))
    excess = sum(model.size for model in models) + missing - limit
    excess = max(excess, missing - disk_of(Path(constants.HF_HUB_CACHE)).free)
    gone: list[str] = []
    for model in models:
        if excess <= 0:
            break
        if _is_used(model, in_use):
            continue
        if not dry_run:
            logger.info("Model %r, unused for a while, makes room for others.", model.name)
            shutil.rmtree(model.folder)
        excess -= model.size
        gone.append(model.name)
    return gone


def _check_size(model: str, missing: int, limit: int, place: str) -> None:
    if missing > limit:
        raise LoadFailed(
            f"Model {model!r} needs {missing / GIB:.1f} GiB, and {place} {limit / GIB:.1f} GiB. "
            "Evaluate it on a machine with a larger disk."
        )


def _downloaded() -> Iterator[CachedModel]:
    try:
        cache = scan_cache_dir(constants.HF_HUB_CACHE)
    except CacheNotFound:
        return
    for repo in cache.repos:
        if repo.repo_type == "model":
            used = repo.repo_path.stat().st_mtime
            yield CachedModel(repo.repo_id, repo.repo_path, repo.size_on_disk, used)


def _merged(settings: Settings) -> Iterator[CachedModel]:
    folder = settings.work_folder / "models"
    for entry in folder.iterdir() if folder.is_dir() else ():
        weights = [file for file in entry.glob("*.safetensors") if not file.is_symlink()]
        if weights:
            size = sum(file.stat().st_size for file in weights)
            yield CachedModel(entry.name, entry, size, entry.stat().st_mtime)


def _in_use(settings: Settings) -> Iterator[Path]:
    """Yield every file that a running engine sees, and the folders above it."""
    for link in (settings.work_folder / "views").rglob("*"):
        if link.is_symlink():
            yield from link.resolve().parents


def _is_used(model: CachedModel, in_use: set[Path]) -> bool:
    return time.time() - model.used < STARTING_SECONDS or model.folder.resolve() in in_use
