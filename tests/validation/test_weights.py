import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.records.report import Report
from evalboard.validation import tensors

from .conftest import codes, write_safetensors

pytestmark = pytest.mark.usefixtures("without_transformers")

TENSOR = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}


def split(model: Path) -> list[Path]:
    """Put the weights into two files with an index, and return the two."""
    (model / tensors.SINGLE_FILE).unlink()
    shards = [model / f"model-0000{n}-of-00002.safetensors" for n in (1, 2)]
    for number, shard in enumerate(shards):
        write_safetensors(shard, {f"layer.{number}": TENSOR}, data_bytes=12)
    weight_map = {f"layer.{number}": shard.name for number, shard in enumerate(shards)}
    (model / tensors.INDEX_FILE).write_text(json.dumps({"weight_map": weight_map}))
    return shards


def test_parameters_and_types_are_counted(model: Path, check: Callable[..., Report]) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
    }
    write_safetensors(model / tensors.SINGLE_FILE, header, data_bytes=16)
    facts = check().facts
    assert facts["dtypes"] == {"bfloat16": 6, "float32": 1}
    assert facts["stored_dtype"] == "bfloat16"
    assert facts["params_billion"] == 7e-9


def test_shards_are_counted_together(model: Path, check: Callable[..., Report]) -> None:
    split(model)
    report = check()
    assert report.ok
    assert report.facts["dtypes"] == {"float16": 12}


def test_a_missing_shard_is_named(model: Path, check: Callable[..., Report]) -> None:
    split(model)[1].unlink()
    report = check()
    assert codes(report) == {"missing_shard"}
    assert "model-00002-of-00002.safetensors" in report.summary()


def test_pickles_alone_are_refused(model: Path, check: Callable[..., Report]) -> None:
    (model / tensors.SINGLE_FILE).rename(model / "pytorch_model.bin")
    report = check()
    assert codes(report) == {"no_safetensors"}
    assert "pytorch_model.bin" in report.summary()


def test_no_weights_at_all(model: Path, check: Callable[..., Report]) -> None:
    (model / tensors.SINGLE_FILE).unlink()
    assert codes(check()) == {"no_safetensors"}


def test_pickles_beside_are_a_warning(model: Path, check: Callable[..., Report]) -> None:
    (model / "pytorch_model.bin").write_bytes(b"x")
    report = check()
    assert report.ok
    assert codes(report) == {"pickle_beside"}


def test_files_without_an_index(model: Path, check: Callable[..., Report]) -> None:
    split(model)
    (model / tensors.INDEX_FILE).unlink()
    assert codes(check()) == {"bad_index"}


@pytest.mark.parametrize(
    "index",
    [
        b"not json",
        b"[" * 100_000,
        b"{}",
        b'{"weight_map": ["a"]}',
        b'{"weight_map": {"a": 1}}',
        b'{"weight_map": {}}',
        json.dumps({"weight_map": {str(n): f"{n}.safetensors" for n in range(1001)}}).encode(),
    ],
)
def test_a_broken_index(index: bytes, model: Path, check: Callable[..., Report]) -> None:
    split(model)
    (model / tensors.INDEX_FILE).write_bytes(index)
    assert codes(check()) == {"bad_index"}


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "config.json", "sub/a.safetensors"])
def test_an_index_that_names_what_is_not_loaded(
    name: str, model: Path, check: Callable[..., Report]
) -> None:
    split(model)
    (model / "sub").mkdir()
    write_safetensors(model / "sub" / "a.safetensors", {"a": TENSOR}, data_bytes=12)
    (model / tensors.INDEX_FILE).write_text(json.dumps({"weight_map": {"a": name}}))
    assert codes(check()) == {"missing_shard"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x02\0\0",
        (2**40).to_bytes(8, "little") + b"{}",
        (2**64 - 1).to_bytes(8, "little"),
        (1000).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"\xff\xff",
        (50_000).to_bytes(8, "little") + b"[" * 50_000,
        (5).to_bytes(8, "little") + b'{"a":',
    ],
)
def test_a_corrupt_header(content: bytes, model: Path, check: Callable[..., Report]) -> None:
    (model / tensors.SINGLE_FILE).write_bytes(content)
    report = check()
    assert codes(report) == {"bad_header"}
    assert report.errors[0].where == tensors.SINGLE_FILE


@pytest.mark.parametrize(
    "tensor",
    [
        None,
        {},
        TENSOR | {"dtype": 16},
        TENSOR | {"dtype": "F16\n<script>"},
        TENSOR | {"shape": 6},
        TENSOR | {"shape": [2.0, 3]},
        TENSOR | {"shape": [True, 3]},
        TENSOR | {"shape": [-2, -3]},
        TENSOR | {"shape": [10**400]},
        TENSOR | {"shape": [1] * 100_000},
        TENSOR | {"data_offsets": [12, 0]},
        TENSOR | {"data_offsets": [0]},
        TENSOR | {"data_offsets": [0, 13]},
    ],
)
def test_a_tensor_that_cannot_be(tensor: object, model: Path, check: Callable[..., Report]) -> None:
    write_safetensors(model / tensors.SINGLE_FILE, {"a": tensor}, data_bytes=12)
    assert codes(check()) == {"bad_header"}


def test_a_header_longer_than_the_first_read(model: Path, check: Callable[..., Report]) -> None:
    header = {f"layer.{n}": TENSOR for n in range(3000)}
    write_safetensors(model / tensors.SINGLE_FILE, header, data_bytes=12)
    assert (model / tensors.SINGLE_FILE).stat().st_size > 2 * tensors.FIRST_READ_BYTES
    assert check().facts["dtypes"] == {"float16": 18_000}
