"""Deltas: base and difference give the model that the difference was taken of."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from lm_eval.models.huggingface import HFLM
from safetensors.torch import load_file, save_file
from transformers import PreTrainedModel

from evalboard.errors import LoadFailed

from .conftest import evaluate_on_hf, load_base, reference

WEIGHTS = "model.safetensors"


def test_the_sum_scores_as_the_target(
    base: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    expected = reference(make_delta(), base)
    assert expected != pytest.approx(reference(load_base(base), base), abs=1e-2)
    assert evaluate_on_hf(open_files("org/delta", "Delta")) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_sum_is_rounded_as_lm_eval_does_it(
    precision: str, models: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    make_delta()
    theirs: Any = HFLM
    expected = theirs(
        pretrained=str(models / "org" / "base"),
        delta=str(models / "org" / "delta"),
        dtype=precision,
        device="cpu",
    )
    folder = open_files("org/delta", "Delta", precision).loadable.weights
    state = expected.model.state_dict()
    ours = load_file(folder / WEIGHTS)
    assert ours.keys() == state.keys()
    assert all(torch.equal(ours[name], state[name]) for name in ours)


def test_parts_in_other_files_than_the_bases(
    models: Path, base: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    expected = reference(make_delta(), base)
    load_base(models / "org" / "delta").save_pretrained(
        models / "org" / "delta", max_shard_size="400KB"
    )
    (models / "org" / "delta" / WEIGHTS).unlink()
    load_base(base).save_pretrained(base, max_shard_size="700KB")
    (base / WEIGHTS).unlink()
    files = open_files("org/delta", "Delta")
    assert evaluate_on_hf(files) == pytest.approx(expected, abs=1e-4)
    index = json.loads((files.loadable.weights / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) == len(list(base.glob("*.safetensors"))) > 1


@pytest.mark.parametrize("precision", ["8bit", "4bit"])
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_quantised_sum_is_summed_first(
    precision: str, base: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    expected = reference(make_delta(), base)
    files = open_files("org/delta", "Delta", precision)
    assert load_file(files.loadable.weights / WEIGHTS)["lm_head.weight"].dtype == torch.float32
    assert evaluate_on_hf(files, precision) == pytest.approx(expected, rel=0.05)


def change(folder: Path, edit: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = load_file(folder / WEIGHTS)
    edit(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("where", "edit", "message"),
    [
        ("delta", lambda t: t.pop("model.norm.weight"), "the delta lacks 'model.norm.weight'"),
        ("base", lambda t: t.pop("model.norm.weight"), "without its base, 'model.norm.weight'"),
        (
            "delta",
            lambda t: t.update({"lm_head.weight": torch.zeros(1, 64)}),
            r"'lm_head.weight' has the shape \(\d+, 64\) in the base and \(1, 64\) in the delta",
        ),
    ],
)
def test_tensors_without_their_counterpart_are_refused(
    where: str,
    edit: Callable[[dict[str, torch.Tensor]], None],
    message: str,
    models: Path,
    make_delta: Callable[[], PreTrainedModel],
    open_files: Any,
) -> None:
    make_delta()
    change(models / "org" / where, edit)
    with pytest.raises(LoadFailed, match=f"Bad weights: .*{message}"):
        _ = open_files("org/delta", "Delta").loadable
    assert not list((models.parent / "home" / "work" / "models").glob("delta_*_float32"))


def test_what_is_computed_at_loading_needs_no_counterpart(
    models: Path, base: Path, make_delta: Callable[[], PreTrainedModel], open_files: Any
) -> None:
    expected = reference(make_delta(), base)
    extra = {"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(16)}
    change(base, lambda tensors: tensors.update(extra))
    assert evaluate_on_hf(open_files("org/delta", "Delta")) == pytest.approx(expected, abs=1e-4)
