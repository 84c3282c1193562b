"""The weights of a repository, from the index and the headers of their files.

This module does not judge: `weights` and other checks make the findings.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from evalboard.repositories import Repository
from evalboard.repositories.names import is_safe_path
from evalboard.repositories.selection import (
    ADAPTER_FILE,
    INDEX_FILE,
    SINGLE_FILE,
    is_adapter_file,
    weight_files,
)
from evalboard.validation.headers import MAX_TENSORS, BadHeader, Tensor, read_header
from evalboard.validation.index import Index, read_index
from evalboard.validation.once import once

MAX_SHARDS = 1000
HEADERS_AT_ONCE = 8
"""Number of headers to read at the same time."""

_TYPE_NAMES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U64": "uint64",
    "U32": "uint32",
    "U16": "uint16",
    "U8": "uint8",
    "BOOL": "bool",
    "F8_E4M3": "float8_e4m3",
    "F8_E5M2": "float8_e5m2",
}


class Shards(NamedTuple):
    """The files that make up the weights."""

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Files in the index that are missing, or are not safetensors at the root."""
    unsafe: tuple[str, ...] = ()
    """Paths in the index that leave the repository."""
    extra: tuple[str, ...] = ()
    """Weights at the root in addition to those of the index or the single file."""
    problem: str = ""
    """Why the files of the model cannot be determined."""
    places: Mapping[str, str] | None = None
    """File of each tensor in the index, None without an index."""


class Problem(NamedTuple):
    """The problem of a file's header."""

    finding: str
    """Code of the finding."""
    message: str
    """Completes `it …`."""


class StoredTensor(NamedTuple):
    """A tensor and its file."""

    file: str
    tensor: Tensor


@dataclass(frozen=True)
class Survey:
    """The combined headers of all files."""

    tensors: Mapping[str, StoredTensor] = field(default_factory=dict)
    """All tensors, by name."""
    problems: Mapping[str, Problem] = field(default_factory=dict)
    """Files with unreadable headers, with reasons."""
    twice: tuple[tuple[str, str, str], ...] = ()
    """Tensors that occur in two files, each with both files."""

    @once
    def parameters(self) -> Mapping[str, int]:
        """Number of stored values by type, such as `bfloat16`."""
        counts: Counter[str] = Counter()
        for placed in self.tensors.values():
            counts[type_name(placed.tensor.kind)] += placed.tensor.values
        return counts

    @property
    def total(self) -> int:
        """Number of stored values."""
        return sum(self.parameters.values())

    @property
    def stored_type(self) -> str | None:
        """The most frequent type, None without a readable header."""
        return max(self.parameters, key=self.parameters.__getitem__, default=None)

    @property
    def stored_bytes(self) -> int:
        """Total size of all tensors in bytes."""
        return sum(p.tensor.end - p.tensor.start for p in self.tensors.values())


@dataclass(frozen=True)
class Checkpoint:
    """The weights in a repository. They are read once."""

    repository: Repository
    is_adapter: bool = False
    """Whether to read the adapter's weights instead of full ones."""

    @once
    def shards(self) -> Shards:
        """The files that make up the weights."""
        if not self.is_adapter:
            return find_shards(self.repository)
        return Shards((ADAPTER_FILE,) if ADAPTER_FILE in self.repository.files() else ())

    @once
    def survey(self) -> Survey:
        """The survey of their headers."""
        return survey(self.repository, self.shards.present)


def type_name(kind: str) -> str:
    """Return the full name of a header's type, such as `bfloat16` for `BF16`."""
    return _TYPE_NAMES.get(kind, kind.lower())


def find_shards(repository: Repository) -> Shards:
    """Return the files of full weights, from the index if there is one.

    Raises:
        StoreError: The Hub did not answer.
    """
    files = repository.files()
    found = tuple(path for path in weight_files(files) if not is_adapter_file(path))
    if INDEX_FILE in files:
        return _indexed_shards(read_index(repository), found)
    if SINGLE_FILE in files:
        return Shards((SINGLE_FILE,), extra=tuple(path for path in found if path != SINGLE_FILE))
    problem = f"neither {SINGLE_FILE!r} nor {INDEX_FILE!r} exists" if found else ""
    return Shards(found[:MAX_SHARDS], problem=problem)


def survey(repository: Repository, paths: Sequence[str]) -> Survey:
    """Read the headers of files concurrently.

    Raises:
        StoreError: The Hub did not answer.
    """
    tensors: dict[str, StoredTensor] = {}
    problems: dict[str, Problem] = {}
    twice: list[tuple[str, str, str]] = []
    for path, header in _headers(repository, paths):
        if isinstance(header, Problem):
            problems[path] = header
            continue
        if len(tensors) + len(header) > MAX_TENSORS:
            problems[path] = Problem(
                "bad_header", f"raises the number of tensors to more than {MAX_TENSORS:,}"
            )
            break
        for name, tensor in header.items():
            if name in tensors:
                twice.append((name, tensors[name].file, path))
            else:
                tensors[name] = StoredTensor(path, tensor)
    return Survey(tensors, problems, tuple(twice))


def _headers(
    repository: Repository, paths: Sequence[str]
) -> Iterator[tuple[str, Mapping[str, Tensor] | Problem]]:
    def read(path: str) -> Mapping[str, Tensor] | Problem:
        try:
            return read_header(repository, path)
        except BadHeader as exc:
            return Problem(exc.finding, exc.message)

    left = iter(paths)
    with ThreadPoolExecutor(HEADERS_AT_ONCE) as readers:
        while batch := tuple(islice(left, HEADERS_AT_ONCE)):
            yield from zip(batch, readers.map(read, batch), strict=True)


def _indexed_shards(index: Index, found: tuple[str, ...]) -> Shards:
    if index.problem:
        return Shards(problem=f"{INDEX_FILE!r} is invalid: it {index.problem}")
    named = sorted(set(index.files.values()))
    if not 0 < len(named) <= MAX_SHARDS:
        return Shards(problem=f"{INDEX_FILE!r} names {len(named):,} files")
    loadable = set(found)
    return Shards(
        present=tuple(name for name in named if name in loadable),
        missing=tuple(name for name in named if name not in loadable and is_safe_path(name)),
        unsafe=tuple(name for name in named if not is_safe_path(name)),
        extra=tuple(name for name in found if name not in set(named)),
        places=index.files,
    )
