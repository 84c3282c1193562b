"""The readers of headers and indexes, fuzzed: they agree with safetensors, and never fail else."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open

from evalboard.validation.documents import MAX_VALUES, BadJson, parse_pairs
from evalboard.validation.headers import TYPE_BITS, BadHeader, header_length, parse_header
from evalboard.validation.index import parse_index

from .stored import file_of, header_of

EXAMPLES = settings(max_examples=400)

names = st.one_of(st.sampled_from(["a", "b", "__metadata__", "model.w", ""]), st.text(max_size=8))
numbers = st.one_of(st.integers(0, 8), st.integers(), st.floats(), st.booleans())
kinds = st.one_of(st.sampled_from([*TYPE_BITS, "F17"]), st.text(max_size=5))
sizes = st.lists(numbers, max_size=4)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
descriptions = st.one_of(
    st.fixed_dictionaries({"dtype": kinds, "shape": sizes, "data_offsets": sizes}),
    st.fixed_dictionaries(
        {"dtype": kinds, "shape": sizes, "data_offsets": sizes}, optional={"more": anything}
    ),
    anything,
)
headers = st.dictionaries(names, descriptions, max_size=4)
shapes = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.tuples(st.sampled_from(sorted(TYPE_BITS)), st.lists(st.integers(0, 4), max_size=3)),
    min_size=1,
    max_size=5,
)


def ours(content: bytes) -> dict[str, tuple[int, ...]] | None:
    """Return the shapes that our reader finds in a file; None when it refuses."""
    try:
        length = header_length(content[:8], len(content))
        found = parse_header(content[8 : 8 + length], data_bytes=len(content) - 8 - length)
    except BadHeader:
        return None
    return {name: tensor.shape for name, tensor in found.items()}


def theirs(content: bytes, folder: Path) -> dict[str, tuple[int, ...]] | None:
    """Return what safetensors finds; None when it refuses."""
    path = folder / "fuzzed.safetensors"
    path.write_bytes(content)
    try:
        with safe_open(path, framework="np") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}
    except SafetensorError:
        return None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed")


@EXAMPLES
@given(shapes=shapes, order=st.randoms(use_true_random=False))
def test_what_safetensors_loads_is_read_alike(
    shapes: dict[str, tuple[str, list[int]]], order: random.Random, folder: Path
) -> None:
    whole = {n: (k, s) for n, (k, s) in shapes.items() if _bits(k, s) % 8 == 0}
    header = list(header_of(whole).items())
    data_bytes = max((t["data_offsets"][1] for _, t in header), default=0)
    order.shuffle(header)
    content = file_of(dict(header), data_bytes)
    expected = {name: tuple(shape) for name, (_, shape) in whole.items()} or None
    if "__metadata__" not in whole:
        assert ours(content) == expected
        assert theirs(content, folder) == (expected or {})


@EXAMPLES
@given(header=headers, data_bytes=st.integers(0, 40), cut=st.integers(0, 3))
@example(
    header={"a": {"dtype": "U8", "shape": [-0.0], "data_offsets": [0, 0]}}, data_bytes=0, cut=0
)
def test_what_is_read_safetensors_loads_too(
    header: dict[str, Any], data_bytes: int, cut: int, folder: Path
) -> None:
    content = file_of(header, data_bytes)
    content = content[: len(content) - cut]
    found = ours(content)
    assert found is None or found == theirs(content, folder)


@EXAMPLES
@given(
    shapes=shapes,
    changes=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_changed_bytes_are_read_as_safetensors_reads_them_or_refused(
    shapes: dict[str, tuple[str, list[int]]], changes: list[tuple[int, int]], folder: Path
) -> None:
    header = header_of(shapes)
    content = bytearray(file_of(header, max(t["data_offsets"][1] for t in header.values())))
    length = len(content)
    for place, value in changes:
        content[place % length] = value
    found = ours(bytes(content))
    assert found is None or found == theirs(bytes(content), folder)


@EXAMPLES
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused_without_another_error(content: bytes) -> None:
    ours(content)
    parse_index(content)


@EXAMPLES
@given(files=st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=5), other=anything)
def test_an_index_is_read_as_json_reads_it(files: dict[str, str], other: Any) -> None:
    content = json.dumps({"metadata": other, "weight_map": files}, allow_nan=True)
    found = parse_index(content.encode())
    if not found.problem:
        assert found.files == files


@EXAMPLES
@given(document=st.dictionaries(names, anything, max_size=4), cut=st.integers(0, 30))
def test_a_cut_index_is_a_problem(document: dict[str, Any], cut: int) -> None:
    content = json.dumps({"weight_map": {"a": "b"}} | document).encode()
    found = parse_index(content[: len(content) - cut])
    assert found.problem or found.files or document.get("weight_map") == {}


@EXAMPLES
@given(document=st.dictionaries(st.text(max_size=5), anything, max_size=5), indent=st.booleans())
def test_pairs_are_what_json_says(document: dict[str, Any], indent: bool) -> None:
    text = json.dumps(document, indent=2 if indent else None)
    try:
        found = parse_pairs(text.encode())
    except BadJson:
        assert "NaN" in text or "Infinity" in text
        return
    assert _joined(found) == document


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1,, "b": 2}', "is not JSON .*character 8"),
        (b'{"a": 1} {}', "is not JSON .*character 9"),
        (b'{"a": NaN}', "NaN is not a JSON value"),
        (b'{"a": ' + b"1" * 5000 + b"}", "is not JSON"),
        (b'{"a": ' + b"[" * 100_000, "nested too deeply"),
        (b'{"a": [' + b"{}," * (MAX_VALUES // 2) + b"{}]}", "more than 1,500,000 values"),
        (b"[1]", "is not a JSON object"),
        (b'{"\xff": 1}', "is not text in UTF-8"),
        (b'\xef\xbb\xbf{"a": 1}', "is not JSON"),
    ],
)
def test_what_is_no_object_is_refused_with_the_place(content: bytes, message: str) -> None:
    with pytest.raises(BadJson, match=message):
        parse_pairs(content)


def test_a_name_that_is_there_twice_gives_two_pairs() -> None:
    assert parse_pairs(b'{"a": {"b": 1, "b": 2}, "a": []}') == (
        ("a", (("b", 1), ("b", 2))),
        ("a", []),
    )


def _joined(value: Any) -> Any:
    if isinstance(value, tuple):
        return {key: _joined(inner) for key, inner in value}
    return [_joined(inner) for inner in value] if isinstance(value, list) else value


def _bits(kind: str, shape: list[int]) -> int:
    bits = TYPE_BITS[kind]
    for size in shape:
        bits *= size
    return bits
