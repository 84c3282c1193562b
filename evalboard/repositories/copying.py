"""Folders made of some files of another folder."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from evalboard.repositories.selection import is_refused


def copy_files(source: Path, paths: Iterable[str], into: Path) -> Path:
    """Copy files into a folder, links as what they point to, and return it."""
    into.mkdir(parents=True, exist_ok=True)
    for path in paths:
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target)
    return into


def loadable_folder(folder: Path, paths: Iterable[str], *, views: Path) -> Path:
    """Return a folder with nothing that a model may not be loaded from.

    Args:
        folder: Where the model lies.
        paths: Its files that loading takes.
        views: Where a folder of links is made, when `folder` itself holds pickles or code.

    Returns:
        `folder`, or the folder of links to `paths`; made once, also by several processes.
    """
    if not any(is_refused(path.name) for path in folder.rglob("*")):
        return folder
    return linked_folder(folder, paths, views=views)


def linked_folder(folder: Path, paths: Iterable[str], *, views: Path) -> Path:
    """Return a folder of links to some files of another; made once, also by several processes."""
    chosen = sorted(paths)
    content = "\n".join([str(folder), *chosen])
    view = views / hashlib.sha256(content.encode(errors="surrogateescape")).hexdigest()[:40]

    def link(into: Path) -> None:
        for path in chosen:
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            (into / path).symlink_to((folder / path).resolve())

    return made_once(view, link)


def made_once(place: Path, fill: Callable[[Path], None]) -> Path:
    """Return a folder, made under another name first, so that it is whole or not there.

    Args:
        place: Where it is to lie. Its name must say what it holds: a folder that is there is used.
        fill: Writes the content into an empty folder.
    """
    if place.is_dir():
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
