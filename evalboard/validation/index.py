"""Read a stranger's index of a checkpoint with several files, within limits."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from evalboard.repositories import Repository, UnusableFile
from evalboard.repositories.selection import INDEX_FILE
from evalboard.validation.documents import BadJson, check_name, parse_pairs, repeated_key
from evalboard.validation.findings import quoted
from evalboard.validation.headers import MAX_TENSORS
from evalboard.validation.lfs import POINTER, is_pointer

INDEX_BYTES = 64_000_000


class Index(NamedTuple):
    """The file of each tensor."""

    files: Mapping[str, str] = {}
    """File of each tensor."""
    problem: str = ""
    """The problem with the index; completes `it …`."""


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
    if is_pointer(content):
        return Index(problem=POINTER)
    try:
        maps = [value for key, value in parse_pairs(content) if key == "weight_map"]
        if len(maps) > 1:
            raise BadJson("has 'weight_map' twice")
        return Index(_read_map(maps[0] if maps else None))
    except BadJson as exc:
        return Index(problem=exc.message)


def _read_map(pairs: Any) -> dict[str, str]:
    if not isinstance(pairs, tuple):
        raise BadJson("has no 'weight_map' from tensors to files")
    if len(pairs) > MAX_TENSORS:
        raise BadJson(f"names more than {MAX_TENSORS:,} tensors")
    files: dict[str, str] = {}
    names: dict[str, str] = {}  # each file's name once in memory
    for tensor, file in pairs:
        check_name(tensor)
        if not isinstance(file, str):
            raise BadJson(f"names no file for tensor {quoted(tensor)}")
        files[tensor] = names.setdefault(file, file)
    if len(files) < len(pairs):
        raise BadJson(f"names tensor {quoted(repeated_key(pairs))} twice")
    return files
