"""Adapters through both ways of loading, against transformers with peft."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BitsAndBytesConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)

from evalboard.engine.loading.weights import ModelFiles
from evalboard.errors import LoadFailed

from .conftest import QUESTIONS, edit_json, evaluate_on_hf, load_base, reference

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:peft")  # what peft decides by itself

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rank-stabilised": {"use_rslora": True},
    "dora": {"use_dora": True},
    "whole output layer": {"modules_to_save": ["lm_head"]},
    "embedding": {"target_modules": ["embed_tokens", "v_proj"]},
    "ranks by module": {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"q_proj": 3}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_peft(
    kind: str,
    base: Path,
    make_adapter: Callable[..., PeftModel],
    open_files: Callable[..., ModelFiles],
) -> None:
    expected = reference(make_adapter(**KINDS[kind]), base)
    assert expected != pytest.approx(reference(load_base(base), base), abs=1e-2)
    files = open_files("org/lora", "Adapter")
    assert evaluate_on_hf(files) == pytest.approx(expected, abs=1e-4)
    assert files.loadable.adapter is None


@pytest.mark.parametrize(
    "changes",
    [
        {"target_modules": ["q_proj"]},
        {"target_modules": ["embed_tokens"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        {"target_modules": ["q_proj"], "modules_to_save": ["embed_tokens"]},
    ],
    ids=str,
)
def test_an_embedding_that_is_the_output_layer_too(
    changes: dict[str, Any], base: Path, make_adapter: Callable[..., PeftModel], open_files: Any
) -> None:
    torch.manual_seed(3)
    edit_json(base / "config.json", tie_word_embeddings=True)
    LlamaForCausalLM(AutoConfig.from_pretrained(base)).save_pretrained(base)
    assert "lm_head.weight" not in load_file(base / "model.safetensors")
    expected = reference(make_adapter(**changes), base)
    files = open_files("org/lora", "Adapter")
    assert evaluate_on_hf(files) == pytest.approx(expected, abs=1e-4)
    merged = load_file(files.loadable.weights / "model.safetensors")
    assert ("lm_head.weight" in merged) == (changes != {"target_modules": ["q_proj"]})


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_merged_weights_are_rounded_once(
    precision: str, base: Path, make_adapter: Callable[..., PeftModel], open_files: Any
) -> None:
    changed = make_adapter()
    kind = getattr(torch, precision)
    stored = load_base(base).to(kind).float()
    factors: Any = changed.get_submodule("base_model.model.model.layers.0.self_attn.q_proj")
    weight = stored.get_parameter("model.layers.0.self_attn.q_proj.weight")
    exact = weight + factors.get_delta_weight("default")
    folder = open_files("org/lora", "Adapter", precision).loadable.weights
    merged = load_file(folder / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    assert merged.dtype == kind
    assert torch.equal(merged, exact.detach().to(kind))


def test_new_tokens_come_with_their_embeddings(
    models: Path, base: Path, make_adapter: Callable[..., PeftModel], open_files: Any
) -> None:
    """The tokenizer grows, the embedding with it, and peft saves both layers whole."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([" the femur"])

    def grow(model: PreTrainedModel) -> None:
        model.resize_token_embeddings(len(tokenizer))

    changed = make_adapter(change=grow, modules_to_save=["embed_tokens", "lm_head"])
    tokenizer.save_pretrained(models / "org" / "lora")
    expected = reference(changed, models / "org" / "lora")
    assert evaluate_on_hf(open_files("org/lora", "Adapter")) == pytest.approx(expected, abs=1e-4)
    assert len(tokenizer.encode(QUESTIONS[0][1])) < len(
        AutoTokenizer.from_pretrained(base).encode(QUESTIONS[0][1])
    )


def test_new_tokens_without_embeddings_are_refused(
    models: Path, base: Path, make_adapter: Callable[..., PeftModel], open_files: Any
) -> None:
    make_adapter()
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.add_tokens([" the femur"])
    tokenizer.save_pretrained(models / "org" / "lora")
    with pytest.raises(LoadFailed, match=r"token ids up to .*save_embedding_layers"):
        _ = open_files("org/lora", "Adapter").loadable


def _lacking(folder: Path) -> None:
    tensors = load_file(folder / "adapter_model.safetensors")
    del tensors[next(name for name in tensors if "lora_B" in name)]
    save_file(tensors, folder / "adapter_model.safetensors")


def _with_more(folder: Path) -> None:
    edit_json(folder / "adapter_config.json", target_modules=["q_proj"])


def _of_another_rank(folder: Path) -> None:
    edit_json(folder / "adapter_config.json", r=8)


def _for_other_modules(folder: Path) -> None:
    edit_json(folder / "adapter_config.json", target_modules=["query_key_value"])


def _cut_short(folder: Path) -> None:
    path = folder / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_lacking, r"Bad weights: the adapter lacks 'base_model.*lora_B"),
        (_with_more, r"Bad weights: the adapter has 'base_model.*down_proj.*and 1 more"),
        (_of_another_rank, "Bad weights: .*size mismatch"),
        (_for_other_modules, "query_key_value"),
        (_cut_short, "Bad weights: SafetensorError"),
    ],
)
def test_what_does_not_fit_is_refused(
    spoil: Callable[[Path], None],
    message: str,
    models: Path,
    make_adapter: Callable[..., PeftModel],
    open_files: Any,
) -> None:
    make_adapter()
    spoil(models / "org" / "lora")
    with pytest.raises(LoadFailed, match=message):
        _ = open_files("org/lora", "Adapter").loadable


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("precision", ["8bit", "4bit"])
def test_on_a_quantised_base_the_adapter_stays_beside_it(
    precision: str,
    models: Path,
    base: Path,
    make_adapter: Callable[..., PeftModel],
    open_files: Any,
) -> None:
    make_adapter()
    files = open_files("org/lora", "Adapter", precision)
    eight = precision == "8bit"
    quantised = BitsAndBytesConfig(load_in_8bit=eight, load_in_4bit=not eight)
    model = load_base(base, quantization_config=quantised, device_map={"": "cpu"})
    expected = reference(PeftModel.from_pretrained(model, str(models / "org" / "lora")), base)
    adapter = files.loadable.adapter
    assert adapter
    assert {path.resolve().parent for path in adapter.iterdir()} == {models / "org" / "lora"}
    assert evaluate_on_hf(files, precision) == pytest.approx(expected, abs=2e-2)


def test_the_merged_model_is_made_once(
    models: Path, make_adapter: Callable[..., PeftModel], open_files: Any
) -> None:
    make_adapter()
    first = open_files("org/lora", "Adapter").loadable.weights
    made = (first / "model.safetensors").stat()
    assert open_files("org/lora", "Adapter").loadable.weights == first
    assert (first / "model.safetensors").stat() == made
    assert open_files("org/lora", "Adapter", "bfloat16").loadable.weights != first
    edit_json(models / "org" / "base" / "generation_config.json", top_k=3)
    assert open_files("org/lora", "Adapter").loadable.weights != first
    assert [path.name for path in first.parent.iterdir() if "unfinished" in path.name] == []
