"""A model in a folder."""

import hashlib
import os
from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path

from evalboard.errors import ModelNotFound
from evalboard.repositories.copying import copy_files, loadable_folder
from evalboard.repositories.repository import check_size, file_size
from evalboard.repositories.selection import loadable_files, small_files

SHORTEST_PREFIX = 8


class FolderRepository:
    """A folder as a repository. It has no commits: its revision is the hash of its contents.

    Args:
        folder: Where the files lie. Hidden files and folders are no part of the model.
        model: What the board calls it.
        views: Where folders of links are made; see `loadable_folder`.
    """

    def __init__(self, folder: Path, *, model: str, views: Path) -> None:
        self.model = model
        self._folder = folder.resolve()
        self._views = views

    @property
    def revision(self) -> str:
        """40 hexadecimal digits: a sha256 over all paths and contents, shortened."""
        return self._revision

    @cached_property
    def _revision(self) -> str:
        total = hashlib.sha256()
        for path in sorted(self._files):
            file = self._folder / path
            state = file.stat()
            content = _content_hash(file, state.st_size, state.st_mtime_ns)
            total.update(os.fsencode(f"{path}\0{content}\n"))
        return total.hexdigest()[:40]

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path."""
        return self._files

    def read(self, path: str, *, max_bytes: int) -> bytes:
        """Return a whole file."""
        check_size(self, path, max_bytes)
        return self.head(path, length=max_bytes)

    def head(self, path: str, *, length: int) -> bytes:
        """Return the first bytes of a file."""
        file_size(self, path)
        with (self._folder / path).open("rb") as file:
            return file.read(length)

    def small_files(self, into: Path) -> Path:
        """Copy config, tokenizer, templates and card into a folder, and return it."""
        return copy_files(self._folder, small_files(self._files), into)

    def weights(self) -> Path:
        """Return the folder itself, or one of links where it holds pickles or code."""
        return loadable_folder(self._folder, loadable_files(self._files), views=self._views)

    @cached_property
    def _files(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for file in (Path(folder) / name for name in names if not name.startswith(".")):
                if file.is_file():
                    found[file.relative_to(self._folder).as_posix()] = file.stat().st_size
        return found


def check_folder_revision(repository: FolderRepository, revision: str) -> None:
    """Refuse a revision that the folder does not have now.

    Raises:
        ModelNotFound: It is neither `main` nor the start of the content hash.
    """
    current = repository.revision
    if revision == "main":
        return
    if len(revision) < SHORTEST_PREFIX or not current.startswith(revision.lower()):
        raise ModelNotFound(
            f"Model {repository.model!r} is a folder, and its contents are not at revision "
            f"{revision!r}: their hash is {current} now. Ask for 'main' or that hash."
        )


@lru_cache(maxsize=65536)
def _content_hash(file: Path, size: int, mtime_ns: int) -> str:
    """Return the sha256 of a file; size and time are there to know a changed file from a hashed."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
