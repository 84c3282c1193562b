"""Read the index of a checkpoint of several files, written by strangers, within limits."""

from collections.abc import Mapping
from typing import NamedTuple

from evalboard.repositories import Repository, UnusableFile
from evalboard.repositories.selection import INDEX_FILE
from evalboard.validation.findings import quoted
from evalboard.validation.headers import MOST_TENSORS
from evalboard.validation.jsonpieces import BadPiece, Pieces, decode

INDEX_BYTES = 64_000_000
OTHER_CHARACTERS = 1_000_000
"""Most of whatever stands beside the map from tensors to files."""


class Index(NamedTuple):
    """Which file holds which tensor."""

    files: Mapping[str, str] = {}
    """File of each tensor."""
    problem: str = ""
    """Why it cannot be told; completes `it …`."""


def read_index(repository: Repository) -> Index:
    """Read a repository's index.

    Raises:
        StoreError: The Hub did not answer.
    """
    try:
        content = repository.read(INDEX_FILE, max_bytes=INDEX_BYTES)
    except UnusableFile as exc:
        return Index(problem=f"cannot be read: {exc.message}")
    return parse_index(content)


def parse_index(content: bytes) -> Index:
    """Parse the bytes of an index."""
    try:
        return _parse(decode(content))
    except BadPiece as exc:
        return Index(problem=exc.message)


def _parse(text: str) -> Index:
    pieces = Pieces(text)
    files: dict[str, str] | None = None
    for key, _ in pieces:
        if key != "weight_map":
            pieces.value(longest=OTHER_CHARACTERS)
            continue
        if files is not None:
            raise BadPiece("has 'weight_map' twice")
        inner = pieces.nested()
        files = _read_map(inner)
        pieces.resume(inner)
    if pieces.end < len(text):
        raise BadPiece("goes on after its end")
    if files is None:
        raise BadPiece("has no 'weight_map' from tensors to files")
    return Index(files)


def _read_map(pieces: Pieces) -> dict[str, str]:
    files: dict[str, str] = {}
    names: dict[str, str] = {}  # each file's name once in memory
    for tensor, _ in pieces:
        if tensor in files:
            raise BadPiece(f"names tensor {quoted(tensor)} twice")
        file = pieces.text()
        if file is None:
            raise BadPiece(f"names no file for tensor {quoted(tensor)}")
        files[tensor] = names.setdefault(file, file)
        if len(files) > MOST_TENSORS:
            raise BadPiece(f"names more than {MOST_TENSORS:,} tensors")
    return files
