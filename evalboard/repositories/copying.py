"""Folders with some of the files of another folder."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def copy_files(source: Path, paths: Iterable[str], into: Path) -> Path:
    """Copy files into a folder and return it. Links are copied as their targets."""
    into.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target)
    return into


def linked_folder(folder: Path, paths: Iterable[str], *, views: Path) -> Path:
    """Return a folder of links to some files of another. Several processes share it."""
    chosen = sorted(paths)
    content = "\n".join([str(folder), *chosen])
    view = views / hashlib.sha256(content.encode(errors="surrogateescape")).hexdigest()[:40]

    def link(into: Path) -> None:
        for path in chosen:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).symlink_to(os.path.realpath(folder / path))

    return made_once(view, link)


def made_once(place: Path, fill: Callable[[Path], None]) -> Path:
    """Return a folder that is built under another name first, so it is either complete or absent.

    Args:
        place: Path of the folder. An existing folder is reused, so the name must identify the
            content.
        fill: Writes the content into an empty folder.
    """
    if place.is_dir():
        os.utime(place)  # the model cache deletes first what was used longest ago
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="unfinished-") as fresh:
        folder = Path(fresh) / "folder"
        folder.mkdir()
        fill(folder)
        _move_unless_there(folder, place)
    return place


def _move_unless_there(fresh: Path, place: Path) -> None:
    try:
        fresh.rename(place)
    except OSError:
        # Another process was faster: its folder has the same name, so the same content.
        if not place.is_dir():
            raise
