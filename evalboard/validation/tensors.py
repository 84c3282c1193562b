"""What the safetensors files of a repository hold, by their headers alone.

A file starts with the length of its header (8 bytes, little endian), then comes the header: a JSON
object that names each tensor with its type, shape and place. Weights are never read.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

from evalboard.errors import EvalboardError
from evalboard.repositories import Repository, UnusableFile
from evalboard.repositories.selection import (
    ADAPTER_FILE,
    INDEX_FILE,
    SINGLE_FILE,
    is_adapter_file,
    weight_files,
)
from evalboard.validation.documents import Document, parse_document
from evalboard.validation.findings import quoted

HEADER_BYTES = 32_000_000
"""Longest header that is read. The format allows 100 MB; the headers of the largest models have
less than 10 MB, and a parsed header takes many times its size in memory."""
FIRST_READ_BYTES = 100_000
"""Holds nearly every header, so that one request per file is enough."""
MOST_SHARDS = 1000

_TYPE_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3",
    "F8_E5M2": "float8_e5m2",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}
_TYPE = re.compile(r"[A-Z0-9_]{1,16}")


class Shards(NamedTuple):
    """The files that make up the weights."""

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Named by the index, and not there or not safetensors at the root."""
    problem: str = ""
    """Why it cannot be told which files belong to the model."""


@dataclass(frozen=True)
class Survey:
    """What the headers of all files say together."""

    parameters: Mapping[str, int] = field(default_factory=dict)
    """Number of stored values by type, such as `bfloat16`."""
    problems: Mapping[str, str] = field(default_factory=dict)
    """Files whose header cannot be read, and why."""

    @property
    def total(self) -> int:
        """Number of stored values."""
        return sum(self.parameters.values())

    @property
    def stored_type(self) -> str | None:
        """The type that most values have; None when no header could be read."""
        return max(self.parameters, key=self.parameters.__getitem__, default=None)


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a repository, read once."""

    repository: Repository
    is_adapter: bool = False
    """Whether the adapter's weights are meant, and not whole ones that may lie beside them."""

    @cached_property
    def shards(self) -> Shards:
        """The files that make up the weights."""
        if not self.is_adapter:
            return find_shards(self.repository)
        return Shards((ADAPTER_FILE,) if ADAPTER_FILE in self.repository.files() else ())

    @cached_property
    def survey(self) -> Survey:
        """What their headers say."""
        return survey(self.repository, self.shards.present)


class _Tensor(NamedTuple):
    kind: str
    values: int
    end: int
    """Byte of the data after its last."""


class BadHeader(EvalboardError):
    """Raised when a file does not start with a safetensors header. The message completes `it …`."""

    code = "bad_header"


def find_shards(repository: Repository) -> Shards:
    """Return the files that make up whole weights, by the index where there is one."""
    files = repository.files()
    if INDEX_FILE in files:
        return _indexed_shards(repository)
    if SINGLE_FILE in files:
        return Shards((SINGLE_FILE,))
    found = tuple(path for path in weight_files(files) if not is_adapter_file(path))
    problem = f"neither {SINGLE_FILE!r} nor {INDEX_FILE!r} is there" if found else ""
    return Shards(found[:MOST_SHARDS], problem=problem)


def survey(repository: Repository, paths: tuple[str, ...]) -> Survey:
    """Read the headers of some files."""
    parameters: dict[str, int] = {}
    problems: dict[str, str] = {}
    for path in paths:
        try:
            counts = read_header(repository, path)
        except BadHeader as exc:
            problems[path] = exc.message
            continue
        for name, count in counts.items():
            parameters[name] = parameters.get(name, 0) + count
    return Survey(parameters, problems)


def read_header(repository: Repository, path: str) -> dict[str, int]:
    """Return the number of values by type that a file's header names.

    Raises:
        BadHeader: The file does not start with a header that fits its size.
    """
    size = repository.files()[path]
    head = repository.head(path, length=min(size, FIRST_READ_BYTES))
    if len(head) < 8:
        raise BadHeader(f"has {size:,} bytes, too few for a header")
    length = int.from_bytes(head[:8], "little")
    if length > HEADER_BYTES:
        raise BadHeader(f"claims a header of {length:,} bytes; at most {HEADER_BYTES:,} are read")
    if 8 + length > size:
        raise BadHeader(f"claims a header of {length:,} bytes, and has {size:,} in all")
    if len(head) < 8 + length:
        head = repository.head(path, length=8 + length)
    header = parse_document(head[8 : 8 + length])
    if header.problem:
        raise BadHeader(f"has a header that cannot be read: {header.problem}")
    return _count(header.content, data_bytes=size - 8 - length)


def _indexed_shards(repository: Repository) -> Shards:
    document = _read_index(repository)
    names = document.content.get("weight_map")
    if document.problem:
        return Shards(problem=f"{INDEX_FILE!r} cannot be read: {document.problem}")
    if not isinstance(names, dict) or not all(isinstance(n, str) for n in names.values()):
        return Shards(problem=f"{INDEX_FILE!r} has no 'weight_map' from tensors to files")
    shards = sorted(set(names.values()))
    if not 0 < len(shards) <= MOST_SHARDS:
        return Shards(problem=f"{INDEX_FILE!r} names {len(shards):,} files")
    loadable = set(weight_files(repository.files()))
    return Shards(
        tuple(name for name in shards if name in loadable),
        tuple(name for name in shards if name not in loadable),
    )


def _read_index(repository: Repository) -> Document:
    try:
        return parse_document(repository.read(INDEX_FILE, max_bytes=HEADER_BYTES))
    except UnusableFile as exc:
        return Document(problem=exc.message)


def _count(header: dict[str, Any], *, data_bytes: int) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, description in header.items():
        if name == "__metadata__":
            continue
        tensor = _read_tensor(description)
        if tensor is None:
            raise BadHeader(f"describes tensor {quoted(name)} without a type, shape and place")
        if tensor.end > data_bytes:
            raise BadHeader(
                f"is cut short: tensor {quoted(name)} would end at byte {tensor.end:,} "
                f"of the data, which has {data_bytes:,}"
            )
        counts[tensor.kind] = counts.get(tensor.kind, 0) + tensor.values
    return counts


def _read_tensor(description: Any) -> _Tensor | None:
    if not isinstance(description, dict):
        return None
    kind, shape, place = (description.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        return None
    if not _are_sizes(shape, longest=8) or not _are_sizes(place, longest=2):
        return None
    if len(place) != 2 or place[0] > place[1]:
        return None
    return _Tensor(_TYPE_NAMES.get(kind, kind.lower()), math.prod(shape), place[1])


def _are_sizes(values: Any, *, longest: int) -> TypeGuard[list[int]]:
    """Return whether a value is a short list of whole numbers that a file could have."""
    return (
        isinstance(values, list)
        and len(values) <= longest
        and all(type(value) is int and 0 <= value < 2**48 for value in values)
    )
