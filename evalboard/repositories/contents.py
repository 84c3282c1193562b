"""The hashes that the Hub lists for files: a download must be what the checks saw."""

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_BLOB = re.compile(r"[0-9a-f]{40}")
_PIECE_BYTES = 2**22


def listed_hash(entry: Mapping[str, Any]) -> str:
    """Return the hash in the Hub's entry of a file, empty if there is none.

    For a file in Git LFS it is its sha256, for any other git's id of its content.
    """
    lfs = entry.get("lfs")
    sha256 = str(lfs.get("sha256", "")) if isinstance(lfs, dict) else ""
    if _SHA256.fullmatch(sha256):
        return sha256
    blob = str(entry.get("blobId", ""))
    return blob if not lfs and _BLOB.fullmatch(blob) else ""


def check_content(file: Path, expected: str, *, model: str) -> None:
    """Refuse a file of which the content is not the listed one.

    Args:
        file: The downloaded file. It is read as a whole, once in each process.
        expected: From `listed_hash`; empty for any content.
        model: Name of the model, for the message.

    Raises:
        StoreError: The content is another one.
    """
    real = file.resolve()
    state = real.stat()
    if expected and _hash(real, len(expected), state.st_size, state.st_mtime_ns) != expected:
        raise StoreError(
            f"File {file.name!r} of {model!r} was downloaded with another content than the Hub "
            f"lists. Delete {str(real)!r}, and try again."
        )


@lru_cache(maxsize=1024)
def _hash(file: Path, digits: int, size: int, mtime_ns: int) -> str:
    """Return the hash of a file. Size and time are part of the cache key and reveal changes."""
    total = hashlib.sha256()
    if digits == 40:
        total = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            total.update(piece)
    return total.hexdigest()
