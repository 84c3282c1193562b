"""The form of a Git LFS pointer."""

from pathlib import Path

_START = b"version https://git-lfs.github.com/spec/"
_MAX_BYTES = 1024
"""As the specification of Git LFS has it."""
POINTER = "is a Git LFS pointer and not the file itself"
"""Completes `it …`."""


def is_pointer(content: bytes) -> bool:
    """Return whether the content of a file, or its start, is that of a pointer."""
    return content.startswith(_START)


def is_pointer_file(path: Path) -> bool:
    """Return whether a local file is a pointer."""
    if not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return False
    with path.open("rb") as file:
        return is_pointer(file.read(_MAX_BYTES))
