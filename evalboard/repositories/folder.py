"""A model in a folder."""

import errno
import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from evalboard.errors import RevisionNotFound
from evalboard.repositories.contents import file_hash
from evalboard.repositories.copying import copy_files, linked_folder
from evalboard.repositories.names import is_safe_path
from evalboard.repositories.repository import Standing, check_count, check_size, file_size
from evalboard.repositories.selection import loadable_files, small_files

MIN_HASH_DIGITS = 8
MAX_FILE_BYTES = 500 * 10**9
"""The Hub's own limit for a file."""
MAX_HOLE_BYTES = 2**30
"""Bytes of a file that are not on the disk. Files of weights have none, and reading them would take
for ever."""


class _Listing(NamedTuple):
    sizes: dict[str, int]
    refused: dict[str, str]


class FolderRepository:
    """A folder as a repository. A folder has no commits: its revision is the hash of its content.

    Args:
        folder: Folder of the files. Hidden files and folders do not belong to the model.
        model: Name of the model on the board.
        views: Location for folders of links; see `linked_folder`.
    """

    def __init__(self, folder: Path, *, model: str, views: Path) -> None:
        self.model = model
        self._folder = Path(os.path.realpath(folder))
        self._views = views

    @property
    def revision(self) -> str:
        """40 hexadecimal digits: a sha256 over all paths and contents, shortened."""
        return self._revision

    @cached_property
    def _revision(self) -> str:
        total = hashlib.sha256()
        for path in sorted(self._files):
            content = file_hash(self._folder / path)
            total.update(os.fsencode(f"{path}\0{content}\n"))
        return total.hexdigest()[:40]

    def files(self) -> Mapping[str, int]:
        """Return the size in bytes of every file, by path."""
        return self._files

    def content_hash(self, path: str) -> str:
        """Return the sha256 of a file."""
        return file_hash(self._folder / path)

    def refused(self) -> Mapping[str, str]:
        """Return links that leave the folder, and names that cannot be shown on a page."""
        return self._listing.refused

    @property
    def standing(self) -> Standing:
        """A folder is available to everybody on this machine."""
        return Standing()

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
        """Return a folder of links to what loading needs."""
        return linked_folder(self._folder, loadable_files(self._files), views=self._views)

    @property
    def _files(self) -> dict[str, int]:
        return self._listing.sizes

    @cached_property
    def _listing(self) -> _Listing:
        listing = _Listing({}, {})
        for count, file in enumerate(self._walk(), start=1):
            check_count(self.model, count)
            path = file.relative_to(self._folder).as_posix()
            problem = _problem(file, path, self._folder)
            if problem:
                listing.refused[path] = problem
            elif file.is_file():
                listing.sizes[path] = file.stat().st_size
        return listing

    def _walk(self) -> Iterator[Path]:
        """Yield all files and links except hidden ones."""
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            links = [name for name in folders if (Path(folder) / name).is_symlink()]
            yield from (Path(folder) / name for name in (*links, *names) if name[:1] != ".")


def check_folder_revision(repository: FolderRepository, revision: str) -> None:
    """Refuse a revision other than the folder's current one.

    Raises:
        RevisionNotFound: The revision is neither `main` nor the start of the content hash.
    """
    current = repository.revision
    if revision == "main":
        return
    if len(revision) < MIN_HASH_DIGITS or not current.startswith(revision.lower()):
        raise RevisionNotFound(
            f"Model {repository.model!r} is a folder and has no revision {revision!r}. Use 'main', "
            f"or {current}, the hash of its current content."
        )


def _problem(file: Path, path: str, root: Path) -> str:
    """Return why a file or link does not belong to the model, empty if it does."""
    if not is_safe_path(path):
        return "its name is not printable, is too long or contains HTML"
    if file.is_symlink() and not _stays_inside(file, root):
        return "it is a link that is broken, leads to itself or leaves the repository"
    if not file.is_file() and not file.is_dir():
        return "it is not a regular file"
    if file.is_file() and file.stat().st_size > MAX_FILE_BYTES:
        return f"it has more than {MAX_FILE_BYTES:,} bytes"
    if file.is_file() and _hole_bytes(file) > MAX_HOLE_BYTES:
        return f"more than {MAX_HOLE_BYTES:,} of its bytes are missing on the disk (a sparse file)"
    return ""


def _stays_inside(link: Path, root: Path) -> bool:
    """Return whether a link points into its repository.

    In the cache of the Hub client the files of a snapshot are links to `blobs`, two folders up.
    """
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a loop is one or the other, by the version of Python
        return False
    blobs = root.parent.parent / "blobs"
    places = (root, blobs) if root.parent.name == "snapshots" else (root,)
    return any(target.is_relative_to(place) for place in places)


def _hole_bytes(file: Path) -> int:
    """Return how many bytes of a large file are not on the disk, 0 where the system cannot tell."""
    size = file.stat().st_size
    if size <= MAX_HOLE_BYTES:
        return 0
    stored = at = 0
    with file.open("rb", buffering=0) as stream:
        try:
            while at < size:
                start = os.lseek(stream.fileno(), at, os.SEEK_DATA)
                at = os.lseek(stream.fileno(), start, os.SEEK_HOLE)
                stored += at - start
        except OSError as exc:
            if exc.errno != errno.ENXIO:  # no more data
                return 0
    return size - stored
