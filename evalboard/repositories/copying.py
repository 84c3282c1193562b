"""Folders made of some files of another folder."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterable
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
    chosen = sorted(paths)
    content = "\n".join([str(folder), *chosen])
    view = views / hashlib.sha256(content.encode(errors="surrogateescape")).hexdigest()[:40]
    if view.is_dir():
        return view
    views.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=views) as fresh:
        links = Path(fresh) / "links"
        for path in chosen:
            (links / path).parent.mkdir(parents=True, exist_ok=True)
            (links / path).symlink_to((folder / path).resolve())
        _move_unless_there(links, view)
    return view


def _move_unless_there(fresh: Path, view: Path) -> None:
    try:
        fresh.rename(view)
    except OSError:
        # Another process was faster: its folder has the same name, so the same links.
        if not view.is_dir():
            raise
