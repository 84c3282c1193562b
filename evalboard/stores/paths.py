"""Which paths are content of a store: relative, plain, printable, not hidden."""

from collections.abc import Callable
from itertools import chain, count
from pathlib import PurePosixPath

from evalboard.errors import StoreError


def is_content_name(name: str) -> bool:
    """Whether one part of a path is content: files with a dot in front and odd names are not."""
    return not name.startswith(".") and name.isprintable()


def is_content_path(path: str) -> bool:
    """Whether a path is relative and plain, and every part of it content."""
    parts = PurePosixPath(path).parts
    return bool(parts) and path == "/".join(parts) and all(map(is_content_name, parts))


def free_path(path: str, is_taken: Callable[[str], bool]) -> str:
    """Return the path of a JSON file, numbered where another file has it: `a.json`, `a-2.json`."""
    stem = path.removesuffix(".json")
    numbered = (f"{stem}-{number}.json" for number in count(2))
    return next(free for free in chain([path], numbered) if not is_taken(free))


def check_path(path: str) -> None:
    """Check that something may be stored there.

    Raises:
        StoreError: It may not.
    """
    if not is_content_path(path):
        raise StoreError(
            f"Path {path!r} cannot be stored. Use a relative path without '..' in which no part "
            "starts with a dot."
        )
