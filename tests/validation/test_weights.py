import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.report import Report
from evalboard.repositories.folder import FolderRepository
from evalboard.repositories.selection import INDEX_FILE, SINGLE_FILE, loadable_files
from evalboard.validation import headers, index, tensors, weights
from evalboard.validation.checks import Check
from evalboard.validation.documents import MAX_VALUES
from evalboard.validation.headers import FIRST_READ_BYTES, HEADER_BYTES
from evalboard.validation.index import INDEX_BYTES

from .conftest import codes, edit_json, write_safetensors
from .stored import file_of, write_shards, write_tensors

pytestmark = pytest.mark.usefixtures("without_transformers")

TENSOR = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}
LAYERS = ({"layer.0": ("F16", [2, 3])}, {"layer.1": ("F16", [2, 3])})


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (weights.check,)


def split(model: Path) -> list[Path]:
    """Put the weights into two files with an index, and return the two."""
    (model / SINGLE_FILE).unlink()
    return write_shards(model, *LAYERS)


def edit_index(model: Path, weight_map: dict[str, str]) -> None:
    content = json.loads((model / INDEX_FILE).read_text())
    content["weight_map"] = content["weight_map"] | weight_map
    (model / INDEX_FILE).write_text(json.dumps(content))


def test_parameters_and_types_are_counted(model: Path, check: Callable[..., Report]) -> None:
    header = {
        "__metadata__": {"format": "pt"},
        "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
        "b": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
    }
    write_safetensors(model / SINGLE_FILE, header, data_bytes=16)
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
    (model / SINGLE_FILE).rename(model / "pytorch_model.bin")
    report = check()
    assert codes(report) == {"no_safetensors"}
    assert "pytorch_model.bin" in report.summary()


def test_no_weights_at_all(model: Path, check: Callable[..., Report]) -> None:
    (model / SINGLE_FILE).unlink()
    assert codes(check()) == {"no_safetensors"}


def test_pickles_beside_are_a_warning(model: Path, check: Callable[..., Report]) -> None:
    (model / "pytorch_model.bin").write_bytes(b"x")
    report = check()
    assert report.ok
    assert codes(report) == {"pickle_beside"}


def test_files_without_an_index(model: Path, check: Callable[..., Report]) -> None:
    split(model)
    (model / INDEX_FILE).unlink()
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
    (model / INDEX_FILE).write_bytes(index)
    assert codes(check()) == {"bad_index"}


@pytest.mark.parametrize("name", ["config.json", "sub/a.safetensors"])
def test_an_index_that_names_what_is_not_loaded(
    name: str, model: Path, check: Callable[..., Report]
) -> None:
    split(model)
    (model / "sub").mkdir()
    write_safetensors(model / "sub" / "a.safetensors", {"a": TENSOR}, data_bytes=12)
    edit_index(model, {"a": name})
    assert codes(check()) == {"missing_shard"}


@pytest.mark.parametrize("name", ["../../../../etc/passwd", "/etc/passwd", "a/../b", "x\ny"])
def test_an_index_that_leaves_the_repository(
    name: str, model: Path, check: Callable[..., Report]
) -> None:
    split(model)
    edit_index(model, {"a": name})
    assert codes(check()) == {"unsafe_path"}


def test_weights_that_the_index_does_not_name(model: Path, check: Callable[..., Report]) -> None:
    split(model)
    write_tensors(model / "model-00003-of-00003.safetensors", {"layer.2": ("F16", [2, 3])})
    report = check()
    assert codes(report) == {"extra_shard"}
    assert report.errors[0].where == "model-00003-of-00003.safetensors"


def test_a_single_file_beside_an_index(model: Path, check: Callable[..., Report]) -> None:
    write_shards(model, *LAYERS)
    report = check()
    assert codes(report) == {"extra_shard"}
    assert report.errors[0].where == SINGLE_FILE


def test_other_weights_beside_a_single_file(model: Path, check: Callable[..., Report]) -> None:
    write_tensors(model / "other.safetensors", {"a": ("F16", [1])})
    assert codes(check()) == {"extra_shard"}


def test_a_second_layout_and_adapters_are_not_extra(
    model: Path, check: Callable[..., Report]
) -> None:
    for name in ("consolidated.safetensors", "adapter_model.safetensors"):
        write_tensors(model / name, {"a": ("F16", [1])})
    assert codes(check()) == set()


def test_a_tensor_that_is_not_in_its_shard(model: Path, check: Callable[..., Report]) -> None:
    shards = split(model)
    edit_index(model, {"layer.9": shards[1].name})
    report = check()
    assert codes(report) == {"tensor_not_in_shard"}
    assert "layer.9" in report.errors[0].where


def test_a_tensor_that_is_in_another_shard(model: Path, check: Callable[..., Report]) -> None:
    shards = split(model)
    edit_index(model, {"layer.0": shards[1].name, "layer.1": shards[0].name})
    assert codes(check()) == {"tensor_not_in_shard"}


def test_a_tensor_that_the_index_leaves_out(model: Path, check: Callable[..., Report]) -> None:
    shards = split(model)
    write_tensors(shards[0], {**LAYERS[0], "layer.2": ("F16", [1])})
    report = check()
    assert report.ok
    assert codes(report) == {"tensor_not_in_index"}


def test_a_tensor_in_two_shards(model: Path, check: Callable[..., Report]) -> None:
    shards = split(model)
    write_tensors(shards[1], {**LAYERS[0], **LAYERS[1]})
    assert codes(check()) == {"duplicate_tensor"}


def test_a_tensor_that_a_header_describes_twice(model: Path, check: Callable[..., Report]) -> None:
    text = json.dumps(TENSOR)
    header = f'{{"a": {text}, "a": {text}}}'.encode()
    (model / SINGLE_FILE).write_bytes(file_of(header, 12))
    assert codes(check()) == {"duplicate_tensor"}


def test_an_index_that_names_a_tensor_twice(model: Path, check: Callable[..., Report]) -> None:
    shards = split(model)
    pair = f'"layer.0": "{shards[0].name}"'
    (model / INDEX_FILE).write_text(f'{{"weight_map": {{{pair}, {pair}}}}}')
    assert codes(check()) == {"bad_index"}


CUT_SHORT = [
    b"",
    b"\x02\0\0",
    (1000).to_bytes(8, "little") + b"{}",
    file_of({"a": TENSOR}, 11),
    file_of({"a": TENSOR, "b": TENSOR | {"data_offsets": [12, 24]}}, 12),
]


@pytest.mark.parametrize("content", CUT_SHORT)
def test_a_file_that_was_not_uploaded_to_its_end(
    content: bytes, model: Path, check: Callable[..., Report]
) -> None:
    (model / SINGLE_FILE).write_bytes(content)
    report = check()
    assert codes(report) == {"weights_cut_short"}
    assert report.errors[0].where == SINGLE_FILE


@pytest.mark.parametrize(
    "content",
    [
        (2**40).to_bytes(8, "little") + b"{}",
        (2**64 - 1).to_bytes(8, "little"),
        (HEADER_BYTES + 1).to_bytes(8, "little") + bytes(100),
        file_of(b"[]", 0),
        file_of(b"{}", 0),
        file_of(b"\xff\xff", 0),
        file_of(b" {}", 0),
        file_of(b"{} x", 0),
        file_of(b"[" * 50_000, 0),
        file_of(b'{"a":', 0),
        file_of(b'{"a":' + b"[" * 100_000, 0),
        file_of({"__metadata__": {"format": 1}, "a": TENSOR}, 12),
        file_of({"__metadata__": [], "a": TENSOR}, 12),
        file_of(b'{"__metadata__": {"a": "x", "a": "y"}}', 0),
        file_of(b'{"a": [' + b"[]," * MAX_VALUES + b"[]]}", 0),
        file_of({"__metadata__": {"a": "\ud800"}, "a": TENSOR}, 12),
        file_of({"\ud800": TENSOR}, 12),
        file_of({"x" * 1100: TENSOR}, 12),
        file_of(b'{"a": NaN}', 0),
    ],
)
def test_a_corrupt_header(content: bytes, model: Path, check: Callable[..., Report]) -> None:
    (model / SINGLE_FILE).write_bytes(content)
    report = check()
    assert codes(report) == {"bad_header"}
    assert report.errors[0].where == SINGLE_FILE


@pytest.mark.parametrize(
    "tensor",
    [
        None,
        {},
        TENSOR | {"dtype": 16},
        TENSOR | {"shape": 6},
        TENSOR | {"shape": [2.0, 3]},
        TENSOR | {"shape": [True, 6]},
        TENSOR | {"shape": [-2, -3]},
        TENSOR | {"shape": [10**400]},
        TENSOR | {"shape": [1] * 100_000},
        TENSOR | {"data_offsets": [12, 0]},
        TENSOR | {"data_offsets": [0]},
        TENSOR | {"more": "x"},
        TENSOR | {"more": {}},
    ],
)
def test_a_tensor_that_cannot_be(tensor: object, model: Path, check: Callable[..., Report]) -> None:
    write_safetensors(model / SINGLE_FILE, {"a": tensor}, data_bytes=12)
    assert codes(check()) == {"bad_header"}


@pytest.mark.parametrize("kind", ["F17", "F16\n<script>", "bf16"])
def test_a_type_that_there_is_not(kind: str, model: Path, check: Callable[..., Report]) -> None:
    write_safetensors(model / SINGLE_FILE, {"a": TENSOR | {"dtype": kind}}, data_bytes=12)
    assert codes(check()) == {"unknown_dtype"}


@pytest.mark.parametrize(
    "header",
    [
        {"a": TENSOR, "b": TENSOR},
        {"a": TENSOR, "b": TENSOR | {"data_offsets": [11, 23]}},
        {"a": TENSOR, "b": TENSOR | {"data_offsets": [14, 26]}},
        {"a": TENSOR | {"data_offsets": [1, 13]}},
        {"a": TENSOR | {"data_offsets": [0, 10]}},
        {"a": TENSOR | {"shape": [2, 4]}},
        {"a": TENSOR | {"shape": [2**47, 2**47, 0]}},
        {"a": TENSOR | {"dtype": "F4", "shape": [5]}},
        {"a": TENSOR},
    ],
)
def test_places_that_do_not_cover_the_file(
    header: dict[str, object], model: Path, check: Callable[..., Report]
) -> None:
    write_safetensors(model / SINGLE_FILE, header, data_bytes=24)
    assert codes(check()) == {"bad_offsets"}


def test_a_header_longer_than_the_first_read(model: Path, check: Callable[..., Report]) -> None:
    write_tensors(model / SINGLE_FILE, {f"layer.{n}": ("F16", [2, 3]) for n in range(3000)})
    assert (model / SINGLE_FILE).stat().st_size > 2 * FIRST_READ_BYTES
    assert check().facts["dtypes"] == {"float16": 18_000}


def test_an_index_too_large_to_read(model: Path, check: Callable[..., Report]) -> None:
    split(model)
    with (model / INDEX_FILE).open("ab") as file:
        file.truncate(INDEX_BYTES + 1)
    assert codes(check()) == {"bad_index"}


def test_an_index_of_more_tensors_than_any_model_has(
    model: Path, check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "MAX_TENSORS", 1)
    split(model)
    assert codes(check()) == {"bad_index"}


def test_more_tensors_in_all_files_than_any_model_has(
    model: Path, check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensors, "MAX_TENSORS", 1)
    split(model)
    assert "bad_header" in codes(check())


def test_more_tensors_in_a_file_than_any_model_has(
    model: Path, check: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(headers, "MAX_TENSORS", 1)
    assert codes(check()) == {"bad_header"}


@pytest.mark.parametrize(
    ("named", "where"),
    [
        ("other.safetensors", "transformers_weights"),
        ("sub/model.safetensors", "transformers_weights"),
        ("../model.safetensors", "transformers_weights"),
        (INDEX_FILE, "transformers_weights"),
        (7, "transformers_weights"),
        ({"text_config": "other.safetensors"}, "text_config.transformers_weights"),
    ],
)
def test_a_config_that_names_other_weights(
    named: Any, where: str, model: Path, check: Callable[..., Report]
) -> None:
    nested = named if isinstance(named, dict) else {}
    parts = {key: {"transformers_weights": file} for key, file in nested.items()}
    edit_json(model / "config.json", **(parts or {"transformers_weights": named}))
    report = check()
    assert codes(report) == {"other_weights_named"}
    assert report.errors[0].where == f"config.json: {where}"


def test_a_config_may_name_the_weights_that_are_loaded(
    model: Path, check: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", transformers_weights=SINGLE_FILE)
    assert codes(check()) == set()
    split(model)
    edit_json(model / "config.json", transformers_weights=INDEX_FILE)
    assert codes(check()) == set()


@pytest.mark.parametrize(
    "names",
    [
        ["consolidated.safetensors"],
        ["consolidated.safetensors", "params.json", "tekken.json"],
        ["consolidated-00001-of-00001.safetensors", "consolidated.safetensors.index.json"],
        ["params.json"],
    ],
)
def test_a_second_layout_is_named_and_not_read(
    names: list[str], model: Path, check: Callable[..., Report]
) -> None:
    for name in names:
        write_tensors(model / name, {"other": ("F32", [10**6])})
    report = check()
    found = [finding for finding in report.findings if finding.code == "other_layout_ignored"]
    assert report.ok
    assert report.facts["dtypes"] == {"bfloat16": 23776}
    assert [found[0].where, len(found)] == [sorted(names)[0], 1]
    assert "loaded from 'model.safetensors'" in found[0].message
    loaded = {path.name for path in model.iterdir()} - set(names)
    repository = FolderRepository(model, model="org/model", views=model.parent)
    assert set(loadable_files(repository.files())) == loaded


@pytest.mark.parametrize("verifier", ["org/other", "/etc", "../other"])
def test_a_config_that_names_another_model(
    verifier: str, model: Path, check: Callable[..., Report]
) -> None:
    named = {"verifier": {"name_or_path": verifier}, "algorithm": "eagle3"}
    edit_json(
        model / "config.json",
        speculators_config=named,
        speculators_model_type="eagle3",
        transformer_layer_config={},
    )
    report = check()
    assert codes(report) == {"other_weights_named"}
    assert report.errors[0].where == "config.json: speculators_config"
