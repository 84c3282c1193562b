from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from evalboard.engine.loading import finite
from evalboard.engine.loading.finite import check_finite, find_broken
from evalboard.errors import LoadFailed

FLOATS = [
    torch.float64,
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e5m2,
    torch.float8_e4m3fn,
]


@pytest.mark.parametrize("kind", FLOATS)
def test_every_finite_value_passes_and_no_other(kind: torch.dtype, tmp_path: Path) -> None:
    every = torch.arange(2**16, dtype=torch.int32).to(torch.uint16)
    values = every.view(kind) if kind.itemsize == 2 else every.view(torch.uint8).view(kind)
    values = values if kind.itemsize < 4 else torch.randn(1000, dtype=kind)
    finite_ones = values[values.float().isfinite()].clone()
    save_file({"a": finite_ones}, tmp_path / "model.safetensors")
    check_finite(tmp_path)
    wrong = values[~values.float().isfinite()]
    wrong = wrong if len(wrong) else torch.tensor([float("nan"), float("inf")], dtype=kind)
    for number, value in enumerate(wrong[:: max(1, len(wrong) // 20)]):
        path = tmp_path / f"{number}.safetensors"
        save_file({"a": finite_ones, "b": value.reshape(1).clone()}, path)
        assert list(find_broken(path)) == ["b"]


def test_integers_are_finite(tmp_path: Path) -> None:
    save_file({"a": torch.full((4,), -1, dtype=torch.int32)}, tmp_path / "model.safetensors")
    check_finite(tmp_path)


def test_a_value_in_a_later_block_is_found_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finite, "BLOCK_BYTES", 64)
    values = torch.zeros(1000, dtype=torch.bfloat16)
    values[-1] = float("nan")
    whole = torch.zeros(7)
    save_file({"a": whole, "b": values}, tmp_path / "model-00001-of-00002.safetensors")
    save_file({"c": whole, "d": values.clone()}, tmp_path / "model-00002-of-00002.safetensors")
    with pytest.raises(LoadFailed, match="NaN.*'b', 'd'"):
        check_finite(tmp_path)
