"""Weights that are missing, cut, contradictory, or made to exhaust whoever reads them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.validation.corpus.case import Case
from tests.validation.corpus.material import write_good, write_safetensors
from tests.validation.stored import file_of, write_shards, write_tensors

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
FIRST, SECOND = (f"model-0000{n}-of-00002.safetensors" for n in (1, 2))
TENSOR = {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}
HEADS = ({"model.a": ("BF16", [2, 3])}, {"model.b": ("BF16", [2, 3])})


def split(folder: Path) -> None:
    """Write a good repository, and put other weights into two files with an index."""
    write_good(folder)
    (folder / SINGLE).unlink()
    write_shards(folder, *HEADS)


def edit_map(folder: Path, **places: str) -> None:
    """Name other files for tensors in the index."""
    path = folder / INDEX
    document = json.loads(path.read_text(encoding="utf-8"))
    document["weight_map"] |= places
    path.write_text(json.dumps(document), encoding="utf-8")


def broken(name: str, code: str, file: str, change: Callable[[Path], Any]) -> Case:
    """Return a repository whose one weights file is changed."""

    def build(folder: Path) -> None:
        write_good(folder)
        change(folder / SINGLE)

    return Case(name, code, build, file)


def parted(name: str, code: str, file: str, change: Callable[[Path], Any]) -> Case:
    """Return a repository with two weights files, of whose folder something is changed."""

    def build(folder: Path) -> None:
        split(folder)
        change(folder)

    return Case(name, code, build, file)


def content(data: bytes) -> Callable[[Path], Any]:
    """Return what gives a file other content."""
    return lambda path: path.write_bytes(data)


def header(header: dict[str, Any] | bytes, data_bytes: int) -> Callable[[Path], Any]:
    """Return what gives a weights file another header."""
    return lambda path: write_safetensors(path, header, data_bytes=data_bytes)


def _pickle(path: Path) -> None:
    path.rename(path.with_name("pytorch_model.bin"))


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 100)


def _append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _pointer(path: Path) -> None:
    size = path.stat().st_size
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize {size}\n"
    path.write_text(text, encoding="utf-8")


def _many_shards(folder: Path) -> None:
    places = {f"t{n}": f"model-{n:05}-of-02000.safetensors" for n in range(2000)}
    edit_map(folder, **places)


def _million_entries(folder: Path) -> None:
    with (folder / INDEX).open("w", encoding="utf-8") as file:
        file.write('{"weight_map": {')
        file.writelines(f'"t{n}": "{FIRST}", ' for n in range(1_000_000))
        file.write(f'"last": "{FIRST}"}}}}')


CASES = (
    broken("weights: none", "no_safetensors", "", Path.unlink),
    broken("weights: pickled only", "no_safetensors", "pytorch_model.bin", _pickle),
    broken("weights: cut short", "weights_cut_short", SINGLE, _cut),
    broken("weights: bytes after the last tensor", "bad_offsets", SINGLE, _append),
    broken("weights: a pointer that git-lfs left", "lfs_pointer", SINGLE, _pointer),
    broken("weights: an empty file", "weights_cut_short", SINGLE, content(b"")),
    broken(
        "weights: a header that claims a terabyte",
        "bad_header",
        SINGLE,
        content((2**40).to_bytes(8, "little") + b'{"a": '),
    ),
    broken(
        "weights: a header longer than its file",
        "weights_cut_short",
        SINGLE,
        content((10_000_000).to_bytes(8, "little") + b"{}"),
    ),
    broken("weights: a header of nested lists", "bad_header", SINGLE, header(b"[" * 200_000, 0)),
    broken(
        "weights: a header whose metadata is nested",
        "bad_header",
        SINGLE,
        header(b'{"__metadata__": ' + b'{"a":' * 100_000, 0),
    ),
    broken(
        "weights: a header full of empty lists",
        "bad_header",
        SINGLE,
        header(b'{"a": [' + b"[]," * 5_000_000 + b"[]]}", 0),
    ),
    broken(
        "weights: a header of 310,000 tensors",
        "bad_header",
        SINGLE,
        header(
            b"{"
            + b",".join(
                b'"%d":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}' % n for n in range(310_000)
            )
            + b"}",
            0,
        ),
    ),
    broken("weights: a header that is not text", "bad_header", SINGLE, header(b"\xff" * 100, 0)),
    broken(
        "weights: tensors of terabytes",
        "bad_offsets",
        SINGLE,
        header({"a": TENSOR | {"shape": [2**40, 2**40]}}, 12),
    ),
    broken(
        "weights: tensors that overlap",
        "bad_offsets",
        SINGLE,
        header({"a": TENSOR, "b": TENSOR | {"data_offsets": [6, 18]}}, 18),
    ),
    broken(
        "weights: tensors beyond the end of the file",
        "weights_cut_short",
        SINGLE,
        header({"a": TENSOR, "b": TENSOR | {"data_offsets": [12, 24]}}, 12),
    ),
    broken(
        "weights: a hole between tensors",
        "bad_offsets",
        SINGLE,
        header({"a": TENSOR, "b": TENSOR | {"data_offsets": [16, 28]}}, 28),
    ),
    broken(
        "weights: negative sizes",
        "bad_header",
        SINGLE,
        header({"a": TENSOR | {"shape": [-2, -3]}}, 12),
    ),
    broken(
        "weights: a type that there is not",
        "unknown_dtype",
        SINGLE,
        header({"a": TENSOR | {"dtype": "<script>alert(1)</script>"}}, 12),
    ),
    broken(
        "weights: a tensor twice in a header",
        "duplicate_tensor",
        SINGLE,
        header(f'{{"a": {json.dumps(TENSOR)}, "a": {json.dumps(TENSOR)}}}'.encode(), 12),
    ),
    broken(
        "weights: other weights beside the model's",
        "extra_shard",
        "other.safetensors",
        lambda path: write_tensors(path.with_name("other.safetensors"), HEADS[0]),
    ),
    parted("index: no index", "bad_index", INDEX, lambda folder: (folder / INDEX).unlink()),
    parted(
        "index: not JSON", "bad_index", INDEX, lambda folder: (folder / INDEX).write_bytes(b"{")
    ),
    parted(
        "index: nested without end",
        "bad_index",
        INDEX,
        lambda folder: (folder / INDEX).write_bytes(b'{"a":' * 1_000_000),
    ),
    parted("index: a million tensors", "bad_index", INDEX, _million_entries),
    parted("index: two thousand files", "bad_index", INDEX, _many_shards),
    parted(
        "index: a missing file", "missing_shard", SECOND, lambda folder: (folder / SECOND).unlink()
    ),
    parted(
        "index: a file that it does not name",
        "extra_shard",
        "model-00003",
        lambda folder: write_tensors(folder / "model-00003-of-00003.safetensors", HEADS[0]),
    ),
    parted(
        "index: a tensor that is not in its file",
        "tensor_not_in_shard",
        INDEX,
        lambda folder: edit_map(folder, **{"model.c": SECOND}),
    ),
    parted(
        "index: a tensor in two files",
        "duplicate_tensor",
        SECOND,
        lambda folder: write_tensors(folder / SECOND, HEADS[0] | HEADS[1]),
    ),
    parted(
        "index: a path out of the repository",
        "unsafe_path",
        INDEX,
        lambda folder: edit_map(folder, **{"model.c": "../../../etc/passwd"}),
    ),
    parted(
        "index: a file of another kind",
        "missing_shard",
        INDEX,
        lambda folder: edit_map(folder, **{"model.c": "config.json"}),
    ),
    parted(
        "index: a broken file",
        "bad_header",
        SECOND,
        lambda folder: (folder / SECOND).write_bytes(file_of(b"{]", 0)),
    ),
)
