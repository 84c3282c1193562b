"""Search weights for infinite and NaN values, which make every score worthless.

The worker does this before loading if the settings ask for it. Each file is read once from start to
end, and only one block of it is in memory at a time.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evalboard.engine.loading.failures import some
from evalboard.errors import LoadFailed
from evalboard.repositories.selection import weight_files

BLOCK_BYTES = 32 * 2**20


class Layout(NamedTuple):
    """The representation of non-finite values in a type."""

    word: str
    """Unsigned integer of the same size, as numpy calls it."""
    mask: int
    """Bits that are all set only in non-finite values."""


LAYOUTS = {
    "F64": Layout("<u8", 0x7FF0_0000_0000_0000),
    "F32": Layout("<u4", 0x7F80_0000),
    "C64": Layout("<u4", 0x7F80_0000),
    "F16": Layout("<u2", 0x7C00),
    "BF16": Layout("<u2", 0x7F80),
    "F8_E5M2": Layout("u1", 0x7C),
    "F8_E4M3": Layout("u1", 0x7F),
    "F8_E8M0": Layout("u1", 0xFF),
}
"""Representations by the name of the type in a header. All other types have only finite values."""


def check_finite(folder: Path) -> None:
    """Refuse weights with non-finite values.

    Args:
        folder: Full weights with checked headers.

    Raises:
        LoadFailed: There are infinite or NaN values. The message names the tensors.
    """
    broken: list[str] = []
    for name in weight_files(path.name for path in folder.iterdir()):
        broken += find_broken(folder / name)
    if broken:
        raise LoadFailed(
            f"Bad weights: infinite or NaN values in {some(broken)}. Save the model again in the "
            "precision of its training."
        )


def find_broken(path: Path) -> Iterator[str]:
    """Yield the tensors of a file with non-finite values, in the file's order."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        tensors = ((name, tensor) for name, tensor in header.items() if name != "__metadata__")
        for name, tensor in sorted(tensors, key=lambda item: item[1]["data_offsets"]):
            layout = LAYOUTS.get(tensor["dtype"])
            first, end = tensor["data_offsets"]
            if layout is None:
                continue
            file.seek(8 + length + first)
            if not all(_is_finite(block, layout) for block in _blocks(file, end - first)):
                yield name


def _blocks(file: Any, length: int) -> Iterator[bytes]:
    while length > 0:
        block = file.read(min(BLOCK_BYTES, length))
        if not block:
            return
        length -= len(block)
        yield block


def _is_finite(block: bytes, layout: Layout) -> bool:
    words = np.frombuffer(block, dtype=layout.word)
    mask = words.dtype.type(layout.mask)
    return not bool(((words & mask) == mask).any())
