"""Read the headers of strangers' safetensors files within limits. Weights are never read.

The format: the header's length (8 bytes, little endian), the header, the data. The header is a JSON
object that gives each tensor a type, a shape and a place. Files that `safetensors` refuses are
refused here with the reason. Repeated names, of which it takes the last, are refused too.
"""

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeGuard

from evalboard.errors import EvalboardError
from evalboard.repositories import Repository
from evalboard.validation.documents import (
    BadJson,
    check_name,
    is_text,
    parse_pairs,
    repeated_key,
)
from evalboard.validation.findings import quoted
from evalboard.validation.lfs import POINTER, is_pointer

HEADER_BYTES = 16_000_000
"""Longest header that is read. The format allows 100 MB; a header has about 120 bytes for each
tensor, and the largest models have less than 2,000 tensors in a file."""
FIRST_READ_BYTES = 65_536
"""Holds nearly every header, so that one request per file is enough."""
MAX_TENSORS = 300_000
"""Of a file, and of all files together. The largest models have about 200,000."""
LARGEST_NUMBER = 2**48
MAX_DIMENSIONS = 16

TYPE_BITS = {
    "F4": 4,
    "F6_E2M3": 6,
    "F6_E3M2": 6,
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "F8_E8M0": 8,
    "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
    "I16": 16,
    "U16": 16,
    "F16": 16,
    "BF16": 16,
    "I32": 32,
    "U32": 32,
    "F32": 32,
    "I64": 64,
    "U64": 64,
    "F64": 64,
    "C64": 64,
}
"""All types of the format, by the name that headers give them."""

_METADATA = "__metadata__"
_DESCRIBES = ["data_offsets", "dtype", "shape"]
_one_at_a_time = threading.Lock()
"""Headers are read side by side; parsed side by side, hostile ones would take memory together."""


class BadHeader(EvalboardError):
    """Raised when a file has no valid safetensors header. The message completes `it …`."""

    code = "bad_header"

    def __init__(self, message: str, *, finding: str = "bad_header") -> None:
        super().__init__(message)
        self.finding = finding
        """Code of the finding."""


class Tensor(NamedTuple):
    """A tensor in a header."""

    kind: str
    """Its type, such as `BF16`."""
    shape: tuple[int, ...]
    values: int
    """How many it has."""
    start: int
    """Byte of the data at which it starts."""
    end: int
    """Byte of the data after its last."""


def read_header(repository: Repository, path: str) -> Mapping[str, Tensor]:
    """Return the tensors in a file's header, in at most two reads.

    Raises:
        BadHeader: The file does not start with a header that describes exactly its data.
        StoreError: The Hub did not answer.
    """
    size = repository.files()[path]
    head = repository.head(path, length=min(size, FIRST_READ_BYTES))
    if is_pointer(head):
        raise BadHeader(POINTER, finding="lfs_pointer")
    length = header_length(head, size)
    if len(head) < 8 + length:
        head = repository.head(path, length=8 + length)
    if len(head) < 8 + length:
        raise BadHeader(
            f"ends after {len(head):,} bytes, before the end of its header",
            finding="weights_cut_short",
        )
    with _one_at_a_time:
        return parse_header(head[8 : 8 + length], data_bytes=size - 8 - length)


def header_length(head: bytes, size: int) -> int:
    """Return the length of a file's header from its first eight bytes.

    Args:
        head: The file's first bytes.
        size: Of the whole file.

    Raises:
        BadHeader: The header is missing or too long.
    """
    if len(head) < 8:
        raise BadHeader(f"has {size:,} bytes, too few for a header", finding="weights_cut_short")
    length = int.from_bytes(head[:8], "little")
    if length > HEADER_BYTES:
        raise BadHeader(f"claims a header of {length:,} bytes; at most {HEADER_BYTES:,} are read")
    if 8 + length > size:
        raise BadHeader(
            f"claims a header of {length:,} bytes but has only {size:,} bytes",
            finding="weights_cut_short",
        )
    return length


def parse_header(content: bytes, *, data_bytes: int) -> Mapping[str, Tensor]:
    """Return the tensors in a header, in the order of their positions.

    Args:
        content: The header.
        data_bytes: Size of what follows it in the file.

    Raises:
        BadHeader: The header is invalid, or does not describe exactly the data.
    """
    try:
        found = _read_tensors(content)
    except BadJson as exc:
        raise BadHeader(f"has a header that cannot be read: it {exc.message}") from exc
    tensors = dict(sorted(found.items(), key=lambda item: (item[1].start, item[1].end)))
    _check_places(tensors, data_bytes)
    return tensors


def _read_tensors(content: bytes) -> dict[str, Tensor]:
    if not content.startswith(b"{"):
        raise BadHeader("has a header that does not start with '{'")
    pairs = parse_pairs(content)
    described = dict(pairs)
    if len(described) < len(pairs):
        raise BadHeader(
            f"describes tensor {quoted(repeated_key(pairs))} twice", finding="duplicate_tensor"
        )
    _check_metadata(described.pop(_METADATA, None))
    if len(described) > MAX_TENSORS:
        raise BadHeader(f"describes more than {MAX_TENSORS:,} tensors")
    return {name: _read_tensor(name, value) for name, value in described.items()}


def _check_metadata(pairs: Any) -> None:
    if pairs is None:
        return
    if not isinstance(pairs, tuple) or not all(isinstance(text, str) for _, text in pairs):
        raise BadHeader("has '__metadata__' with values that are not text")
    if len(dict(pairs)) < len(pairs):
        raise BadHeader(f"has {quoted(repeated_key(pairs))} twice in '__metadata__'")
    if not all(is_text(part) for pair in pairs for part in pair):
        raise BadHeader("has '__metadata__' with a lone surrogate (half a character)")


def _read_tensor(name: str, pairs: Any) -> Tensor:
    check_name(name)
    if not isinstance(pairs, tuple) or sorted(key for key, _ in pairs) != _DESCRIBES:
        raise _undescribed(name)
    description = dict(pairs)
    kind, shape, place = (description[key] for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(kind, str):
        raise _undescribed(name)
    if kind not in TYPE_BITS:
        raise BadHeader(
            f"gives tensor {quoted(name)} the type {quoted(kind)}, which safetensors does not "
            "support",
            finding="unknown_dtype",
        )
    if not _are_sizes(shape, longest=MAX_DIMENSIONS) or not _are_sizes(place, longest=2):
        raise _undescribed(name)
    if len(place) != 2 or place[0] > place[1]:
        raise _undescribed(name)
    values = _product(name, shape)
    bits = values * TYPE_BITS[kind]
    if bits != 8 * (place[1] - place[0]):
        raise BadHeader(
            f"gives tensor {quoted(name)} {place[1] - place[0]:,} bytes, but its shape and type "
            f"need {bits / 8:,.10g}",
            finding="bad_offsets",
        )
    return Tensor(kind, tuple(shape), values, place[0], place[1])


def _undescribed(name: str) -> BadHeader:
    return BadHeader(f"describes tensor {quoted(name)} without a type, a shape or a position")


def _product(name: str, shape: list[int]) -> int:
    values = 1
    for size in shape:
        values *= size
        if values >= LARGEST_NUMBER:
            raise BadHeader(
                f"gives tensor {quoted(name)} a shape of at least {values:,} values",
                finding="bad_offsets",
            )
    return values


def _check_places(tensors: Mapping[str, Tensor], data_bytes: int) -> None:
    """Refuse tensors that overlap, leave gaps, or do not end with the file."""
    if not tensors:
        raise BadHeader("describes no tensors")
    at = 0
    for name, tensor in tensors.items():
        if tensor.start != at:
            raise BadHeader(
                f"places tensor {quoted(name)} at byte {tensor.start:,} of the data, but the "
                f"tensor before it ends at byte {at:,}",
                finding="bad_offsets",
            )
        if tensor.end > data_bytes:
            raise BadHeader(
                f"is truncated: tensor {quoted(name)} ends at byte {tensor.end:,} of the data, but "
                f"there are only {data_bytes:,} bytes",
                finding="weights_cut_short",
            )
        at = tensor.end
    if at < data_bytes:
        raise BadHeader(
            f"has {data_bytes - at:,} bytes after its last tensor", finding="bad_offsets"
        )


def _are_sizes(values: Any, *, longest: int) -> TypeGuard[list[int]]:
    """Return whether a value is a short list of whole numbers that a file could have."""
    return (
        isinstance(values, list)
        and len(values) <= longest
        and all(type(value) is int and 0 <= value < LARGEST_NUMBER for value in values)
    )
