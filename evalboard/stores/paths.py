"""The paths that are content of a store: relative, plain, printable, not hidden."""

from collections.abc import Callable
from itertools import chain, count
from pathlib import PurePosixPath

from evalboard.errors import StoreError

REPORTED = "reported/"
"""Folder of imported scores in the results store."""


def is_content_name(name: str) -> bool:
    """Return whether a part of a path is content: not hidden, and printable."""
    return not name.startswith(".") and name.isprintable()


def is_content_path(path: str) -> bool:
    """Return whether a path is relative and plain, and all its parts are content."""
    parts = PurePosixPath(path).parts
    return bool(parts) and path == "/".join(parts) and all(map(is_content_name, parts))


def free_path(path: str, is_taken: Callable[[str], bool]) -> str:
    """Return a free path for a JSON file, numbered if necessary: `a.json`, `a-2.json`."""
    stem = path.removesuffix(".json")
    numbered = (f"{stem}-{number}.json" for number in count(2))
    return next(free for free in chain([path], numbered) if not is_taken(free))


def check_path(path: str) -> None:
    """Check that a path can be stored.

    Raises:
        StoreError: The path is not content.
    """
    if not is_content_path(path):
        raise StoreError(
            f"Path {path!r} cannot be stored. Use a relative path without '..' in which no part "
            "starts with a dot."
        )
