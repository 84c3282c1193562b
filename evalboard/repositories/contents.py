"""The hashes of files, by which what is loaded is known to be what the checks saw."""

import hashlib
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from evalboard.errors import StoreError

HASH_SECONDS = 3600
"""Time for reading a file. In this time a slow disk gives the largest ones of real models."""
_PIECE_BYTES = 2**22
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GIT_ID = re.compile(r"[0-9a-f]{40}")


def file_hash(file: Path, *, is_git_id: bool = False) -> str:
    """Return the sha256 of a file, or git's id of its content. Unchanged files are read once.

    Raises:
        StoreError: Reading takes too long.
    """
    state = file.stat()
    return _hash(file, is_git_id, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=65536)
def _hash(file: Path, is_git_id: bool, size: int, mtime_ns: int) -> str:
    """Size and time are part of the cache key and reveal changes."""
    until = time.monotonic() + HASH_SECONDS
    total = hashlib.sha256()
    if is_git_id:
        total = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with file.open("rb") as stream:
        while piece := stream.read(_PIECE_BYTES):
            total.update(piece)
            if time.monotonic() > until:
                raise StoreError(
                    f"Reading file {file.name!r} of {size:,} bytes takes longer than "
                    f"{HASH_SECONDS / 60:.0f} minutes. Move the model to a faster disk."
                )
    return total.hexdigest()


def listed_hash(entry: Mapping[str, Any]) -> str:
    """Return the hash in the Hub's entry of a file, empty if there is none.

    For a file in Git LFS it is its sha256, for any other git's id of its content.
    """
    lfs = entry.get("lfs")
    sha256 = str(lfs.get("sha256", "")) if isinstance(lfs, dict) else ""
    if _SHA256.fullmatch(sha256):
        return sha256
    git_id = str(entry.get("blobId", ""))
    return git_id if not lfs and _GIT_ID.fullmatch(git_id) else ""


def check_content(file: Path, expected: str, *, model: str) -> None:
    """Check that a downloaded file has the listed content, and delete one that has not.

    Args:
        file: The file.
        expected: From `listed_hash`; empty for any content.
        model: Name of the model, for the message.

    Raises:
        StoreError: The content is another one, or reading takes too long.
    """
    real = file.resolve()
    is_git_id = _GIT_ID.fullmatch(expected) is not None
    found = file_hash(real, is_git_id=is_git_id) if expected else ""
    if found != expected:
        real.unlink(missing_ok=True)
        raise StoreError(
            f"The checksum of file {file.name!r} of {model!r} is {found[:12]}…, but the Hub lists "
            f"{expected[:12]}…. The file was damaged on its way or on this disk. It has been deleted; "
            "the next attempt downloads it again."
        )
