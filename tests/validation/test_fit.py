import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine.inspection.fitting import compare_tensors
from evalboard.records.report import Report
from evalboard.repositories.folder import FolderRepository
from evalboard.validation import fit, precision, weights
from evalboard.validation.checks import Check
from evalboard.validation.fit import missing_experts
from evalboard.validation.quantisation import dequantise, parameter_count, read_quantisation
from evalboard.validation.tensors import Checkpoint, Survey

from .conftest import codes, edit_json
from .corpus.fitting import ADAPTER, LORA, stored, write_adapter, write_mixtral
from .corpus.material import write_good, write_model
from .stored import write_shards, write_tensors

SINGLE = "model.safetensors"
NONE = {"missing": 0, "unexpected": 0, "misshaped": 0, "unconverted": 0}
GPTQ = {"quant_method": "gptq", "bits": 4}
AWQ = {"quant_method": "awq", "bits": 4}
INT4 = {"quant_method": "bitsandbytes", "load_in_4bit": True}
INT8 = {"quant_method": "bitsandbytes", "load_in_8bit": True}
FP8 = {"quant_method": "fp8", "weight_block_size": [8, 8]}
PACKED = {
    "quant_method": "compressed-tensors",
    "config_groups": {"group_0": {"weights": {"num_bits": 4}}},
}


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (
        fit.check,
        weights.check,
        precision.check,
    )


def survey_of(folder: Path) -> Survey:
    repository = FolderRepository(folder, model="org/model", views=folder.parent / "views")
    return Checkpoint(repository).survey


def compare(folder: Path, config: dict[str, Any] | None = None) -> dict[str, Any]:
    """Compare a folder's tensors as the check does, without a process of its own."""
    quantised = read_quantisation({"quantization_config": config} if config else {})
    tensors = dequantise(survey_of(folder), quantised)
    shapes = {n: t.values if t.shape is None else list(t.shape) for n, t in tensors.items()}
    return compare_tensors(str(folder), {"tensors": shapes})


@pytest.mark.parametrize(
    ("model_type", "config"),
    [
        ("llama", {}),
        ("llama", {"tie_word_embeddings": True}),
        ("gpt2", {"n_embd": 16, "n_layer": 1, "n_head": 2}),
        ("phi3", {"pad_token_id": 0}),
        ("gemma2", {"head_dim": 8}),
        ("mixtral", {"num_local_experts": 4}),
        ("qwen3_moe", {"num_experts": 4, "moe_intermediate_size": 8, "head_dim": 8}),
        ("olmoe", {"num_experts": 4}),
        ("gpt_oss", {"num_local_experts": 4, "head_dim": 8}),
        ("mamba", {}),
    ],
)
def test_what_save_pretrained_writes_is_whole(
    model_type: str, config: dict[str, Any], tmp_path: Path
) -> None:
    write_model(tmp_path / "model", model_type, **config)
    assert compare(tmp_path / "model")["numbers"] == NONE


def test_an_encoder_with_a_decoder_is_whole(tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, vocab_size=64)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    assert compare(tmp_path)["numbers"] == NONE


def test_tied_weights_may_be_there_twice(tmp_path: Path) -> None:
    write_model(tmp_path, "llama", tie_word_embeddings=True)
    tensors = stored(tmp_path / SINGLE)
    assert "lm_head.weight" not in tensors
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
    write_tensors(tmp_path / SINGLE, tensors)
    assert compare(tmp_path)["numbers"] == NONE


def test_names_of_the_model_within_are_taken(tmp_path: Path) -> None:
    write_good(tmp_path)
    tensors = stored(tmp_path / SINGLE)
    write_tensors(tmp_path / SINGLE, {n.removeprefix("model."): t for n, t in tensors.items()})
    assert compare(tmp_path)["numbers"] == NONE


def test_old_buffers_are_not_unexpected(tmp_path: Path) -> None:
    write_good(tmp_path)
    buffer = {"model.layers.0.self_attn.rotary_emb.inv_freq": ("F32", [4])}
    write_tensors(tmp_path / SINGLE, stored(tmp_path / SINGLE) | buffer)
    assert compare(tmp_path)["numbers"] == NONE


def quantise(name: str, kind: str, shape: Sequence[int], method: str) -> dict[str, Any]:
    """Return a tensor as a method of quantisation stores it: linear layers of the blocks alone."""
    if "_proj.weight" not in name:
        return {name: (kind, shape)}
    module = name.removesuffix(".weight")
    rows, columns = shape
    return {
        "gptq": {
            f"{module}.qweight": ("I32", [columns // 8, rows]),
            f"{module}.qzeros": ("I32", [1, rows // 8]),
            f"{module}.scales": ("F16", [1, rows]),
            f"{module}.g_idx": ("I32", [columns]),
        },
        "awq": {
            f"{module}.qweight": ("I32", [columns, rows // 8]),
            f"{module}.qzeros": ("I32", [1, rows // 8]),
            f"{module}.scales": ("F16", [1, rows]),
        },
        "4bit": {
            name: ("U8", [rows * columns // 2, 1]),
            f"{name}.absmax": ("U8", [rows]),
            f"{name}.quant_map": ("F32", [16]),
            f"{name}.nested_absmax": ("F32", [1]),
            f"{name}.nested_quant_map": ("F32", [256]),
            f"{name}.quant_state.bitsandbytes__nf4": ("U8", [90]),
        },
        "8bit": {name: ("I8", shape), f"{module}.SCB": ("F32", [rows])},
        "fp8": {name: ("F8_E4M3", shape), f"{module}.weight_scale_inv": ("F32", [2, 2])},
        "packed": {
            f"{module}.weight_packed": ("I32", [rows, columns // 8]),
            f"{module}.weight_scale": ("F16", [rows, 1]),
            f"{module}.weight_shape": ("I64", [2]),
        },
    }[method]


@pytest.mark.parametrize(
    ("method", "config"),
    [
        ("gptq", GPTQ),
        ("awq", AWQ),
        ("4bit", INT4),
        ("8bit", INT8),
        ("fp8", FP8),
        ("packed", PACKED),
    ],
)
@pytest.mark.parametrize("write", [write_good, write_mixtral])
def test_quantised_weights_are_those_of_the_model(
    method: str, config: dict[str, Any], write: Callable[[Path], None], tmp_path: Path
) -> None:
    write(tmp_path)
    floats = survey_of(tmp_path)
    tensors: dict[str, Any] = {}
    for name, (kind, shape) in stored(tmp_path / SINGLE).items():
        tensors |= quantise(name, kind, shape, method)
    write_tensors(tmp_path / SINGLE, tensors)
    edit_json(tmp_path / "config.json", quantization_config=config)
    assert compare(tmp_path, config)["numbers"] == NONE
    quantised = read_quantisation({"quantization_config": config})
    assert parameter_count(survey_of(tmp_path), quantised) == floats.total


def test_quantised_weights_of_another_model_are_not(tmp_path: Path) -> None:
    write_good(tmp_path)
    tensors: dict[str, Any] = {}
    for name, (kind, shape) in stored(tmp_path / SINGLE).items():
        tensors |= quantise(name, kind, shape, "gptq")
    edit_json(tmp_path / "config.json", quantization_config=GPTQ, intermediate_size=64)
    write_tensors(tmp_path / SINGLE, tensors)
    assert compare(tmp_path, GPTQ)["numbers"] == NONE | {"misshaped": 3}


def test_a_good_mixtral_passes_and_one_without_an_expert_does_not(
    model: Path, check: Callable[..., Report]
) -> None:
    write_mixtral(model)
    assert codes(check()) == set()
    tensors = stored(model / SINGLE)
    write_tensors(model / SINGLE, {n: t for n, t in tensors.items() if ".experts.2." not in n})
    report = check()
    assert {"missing_tensors", "wrong_shape"} <= codes(report)
    assert "experts.2.w1.weight" in report.summary()


def test_one_weights_file_that_cannot_be_read_is_said_once(
    model: Path, check: Callable[..., Report]
) -> None:
    tensors = list(stored(model / SINGLE).items())
    (model / SINGLE).unlink()
    write_shards(model, dict(tensors[:5]), dict(tensors[5:]))[1].write_bytes(b"")
    assert codes(check()) == {"weights_cut_short"}


def test_a_method_that_is_not_known_is_not_compared(
    model: Path, check: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", quantization_config={"quant_method": "vptq"})
    report = check()
    assert codes(report) == {"precision_unsupported"}
    assert "tensors_not_compared" in {finding.code for finding in report.findings}


@pytest.mark.parametrize(
    ("config", "factors"),
    [
        ({}, {"q_proj.lora_A.weight": [4, 32], "q_proj.lora_B.weight": [32, 4]}),
        (
            {"use_dora": True},
            {
                "q_proj.lora_A.weight": [4, 32],
                "q_proj.lora_B.weight": [32, 4],
                "q_proj.lora_magnitude_vector": [32],
            },
        ),
        (
            {"rank_pattern": {"q_proj": 2}},
            {"q_proj.lora_A.weight": [2, 32], "q_proj.lora_B.weight": [32, 2]},
        ),
    ],
)
def test_adapters_that_peft_would_load_pass(
    config: dict[str, Any],
    factors: dict[str, list[int]],
    model: Path,
    base: Path,
    check: Callable[..., Report],
) -> None:
    write_adapter(model, {f"{LORA}.{n}": ("F32", s) for n, s in factors.items()}, **config)
    assert codes(check(**ADAPTER)) == set()


def test_experts_are_counted_without_gaps() -> None:
    names = [f"layers.0.experts.{n}.w{w}.weight" for n in (0, 1, 3) for w in (1, 2)]
    assert missing_experts(names) == (
        ["layers.0.experts.2.w1.weight", "layers.0.experts.2.w2.weight"],
        2,
    )
    assert missing_experts(names[:4]).number == 0
    assert missing_experts(names[:3]).first == ["layers.0.experts.1.w2.weight"]
    assert missing_experts(["a.experts.gate_up_proj", "b.weight"]).number == 0


def test_a_strange_number_of_an_expert_takes_no_time() -> None:
    found = missing_experts(["a.experts.999999.w", "a.experts.0.w", "b.experts.9999999.w"])
    assert found.number == 999_998
    assert found.first == [f"a.experts.{n}.w" for n in range(1, 6)]


@pytest.mark.usefixtures("without_transformers")
def test_the_viewer_leaves_it_to_the_poll(check: Callable[..., Report]) -> None:
    assert "checked_by_poll" in {finding.code for finding in check().findings}


def test_a_config_that_names_quantisation_twice_is_read_once() -> None:
    text = json.loads('{"text_config": {"quantization_config": {"quant_method": "gptq"}}}')
    found = read_quantisation(text)
    assert found
    assert found.title == "GPTQ"
    assert read_quantisation({"quantization_config": ["x"], "text_config": 7}) is None
