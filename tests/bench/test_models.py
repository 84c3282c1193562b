import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalboard.bench.cases import SIZES
from evalboard.bench.models import SHAPES, Shape, make_model, make_tokenizer, texts_of

TINY = Shape(hidden=64, intermediate=128, layers=1)


def test_every_size_has_a_shape() -> None:
    assert tuple(SHAPES) == SIZES


def test_all_texts_of_a_file_are_read(tmp_path: Path) -> None:
    rows = [
        {"question": "Which?", "choices": ["one", "two"], "answer": 1, "context": {"why": ["so"]}},
        {"question": None, "choices": [], "answer": 0, "context": {"why": ["not"]}},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "some.parquet")
    assert list(texts_of([tmp_path / "some.parquet"])) == ["Which?", "one", "two", "so", "not"]


def test_the_models_are_as_large_as_their_names_say(real_datasets: Path, tmp_path: Path) -> None:
    files = sorted((real_datasets / "cais" / "mmlu").rglob("*.parquet"))
    files += (real_datasets / "GBaker").rglob("*.parquet")
    tokenizer = make_tokenizer(files, max_length=4096)
    assert len(tokenizer) > 8000
    sizes = {
        size: make_model(tmp_path / size, SHAPES[size], tokenizer, precision="bfloat16")
        for size in ("15M", "50M")
    }
    assert 15e6 <= sizes["15M"] < 16e6
    assert 50e6 <= sizes["50M"] < 55e6


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_model_of_one_number_is_the_same_each_time(tmp_path: Path, precision: str) -> None:
    pq.write_table(pa.table({"text": ["Which bone is the longest?"]}), tmp_path / "some.parquet")
    tokenizer = make_tokenizer([tmp_path / "some.parquet"], max_length=512)
    for name, number in (("one", 0), ("other", 0), ("another", 1)):
        make_model(tmp_path / name, TINY, tokenizer, precision=precision, number=number)
    one, other, another = (
        (tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "other", "another")
    )
    assert one == other
    assert another != one
    assert len(another) == len(one)
    config = json.loads((tmp_path / "one" / "config.json").read_text(encoding="utf-8"))
    assert config["dtype"] == precision
    assert config["max_position_embeddings"] == 512
