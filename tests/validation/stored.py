"""Weights to check: tiny files with exact headers, whatever is stored in them."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evalboard.validation.headers import TYPE_BITS

Shapes = Mapping[str, tuple[str, Sequence[int]]]
"""Type and shape of each tensor by its name."""

QUANTISED_PARTS = {
    "gptq": {"l.qweight": ("I32", [2, 4]), "l.scales": ("F16", [1, 4]), "l.g_idx": ("I32", [16])},
    "awq": {"l.qweight": ("I32", [4, 1]), "l.scales": ("F16", [1, 8])},
    "bitsandbytes_8bit": {"l.weight": ("I8", [4, 4]), "l.SCB": ("F32", [4])},
    "bitsandbytes_4bit": {
        "l.weight": ("U8", [8, 1]),
        "l.weight.absmax": ("F32", [1]),
        "l.weight.quant_state.bitsandbytes__nf4": ("U8", [9]),
    },
}
"""One linear layer as each method stores it: 4 × 4 values (GPTQ: 4 × 16, AWQ: 8 × 4)."""


def header_of(tensors: Shapes) -> dict[str, Any]:
    """Return a header that places tensors one behind the other."""
    header: dict[str, Any] = {}
    at = 0
    for name, (kind, shape) in tensors.items():
        size = math.prod(shape) * TYPE_BITS[kind] // 8
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    return header


def file_of(header: dict[str, Any] | bytes, data_bytes: int) -> bytes:
    """Return a file with whatever header, and so much data."""
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(content).to_bytes(8, "little") + content + bytes(data_bytes)


def write_tensors(path: Path, tensors: Shapes) -> None:
    """Write a file of tensors that are all zero; large ones take no room on disk."""
    header = header_of(tensors)
    end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    content = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(content).to_bytes(8, "little") + content)
        file.truncate(8 + len(content) + end)


def write_shards(folder: Path, *shards: Shapes) -> list[Path]:
    """Write tensors into as many files as are given, with their index; return the files."""
    paths = [
        folder / f"model-{n:05}-of-{len(shards):05}.safetensors" for n in range(1, len(shards) + 1)
    ]
    for path, tensors in zip(paths, shards, strict=True):
        write_tensors(path, tensors)
    weight_map = {
        name: path.name for path, tensors in zip(paths, shards, strict=True) for name in tensors
    }
    index = json.dumps({"metadata": {"total_size": 0}, "weight_map": weight_map}, indent=2)
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")
    return paths
