import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from evalboard.engine.hardware import Driver
from evalboard.engine.proving import models, proof
from evalboard.engine.proving.proof import Proof
from evalboard.errors import EngineError
from evalboard.settings import load_settings


@pytest.mark.parametrize("kind", proof.KINDS["cpu"])
def test_transformers_agrees_with_itself(kind: str, tmp_path: Path) -> None:
    found = proof.prove(kind, "hf", tmp_path)
    assert len(found.differences) == models.QUESTIONS * models.CHOICES
    assert max(found.differences) < 1e-4
    assert found.holds


def test_other_weights_than_those_of_the_model_are_found(tmp_path: Path) -> None:
    plain = models.make_model("dense", tmp_path, "float32")
    stored = load_file(tmp_path / "model.safetensors")
    stored["model.layers.0.self_attn.o_proj.weight"].mul_(-1)
    save_file(stored, tmp_path / "model.safetensors", metadata={"format": "pt"})
    found = proof.compare("dense", "float32", plain, tmp_path, "hf")
    assert not found.holds
    assert "NOT as plain transformers" in str(found)


def test_answers_are_far_enough_apart_to_tell_right_from_wrong(tmp_path: Path) -> None:
    plain = models.make_model("dense", tmp_path, "bfloat16")
    answers = list(models.plain_answers(plain, models.questions()))
    wrong = tuple(abs(a - b) for a, b in zip(answers, answers[1:] + answers[:1], strict=True))
    assert not Proof(kind="dense", precision="bfloat16", differences=wrong).holds


@pytest.mark.parametrize(
    ("differences", "holds"),
    [
        ((0.05,) * 10, True),
        ((0.05,) * 9 + (3.0,), True),  # a word that rounding sends to another expert
        ((0.05,) * 8 + (3.0,) * 2, False),
    ],
)
def test_a_proof_allows_for_rounding(differences: tuple[float, ...], holds: bool) -> None:
    assert Proof(kind="mixture", precision="bfloat16", differences=differences).holds is holds


def test_answers_that_are_no_numbers_do_not_hold() -> None:
    found = Proof(kind="dense", precision="bfloat16", differences=(math.nan,) * 8)
    assert not Proof.model_validate_json(found.model_dump_json()).holds


@pytest.mark.filterwarnings("default")  # vLLM's import
def test_gptq_weights_are_packed_as_vllm_unpacks_them(tmp_path: Path) -> None:
    from vllm.model_executor.layers.quantization.utils.quant_utils import (
        unpack_quantized_values_into_int32,
    )
    from vllm.scalar_type import scalar_types

    plain = models.make_model("gptq", tmp_path, "float16")
    stored = load_file(tmp_path / "model.safetensors")
    layer, place = plain.model.layers[0].mlp.down_proj, "model.layers.0.mlp.down_proj"
    assert f"{place}.weight" not in stored
    values = unpack_quantized_values_into_int32(stored[f"{place}.qweight"], scalar_types.uint4b8, 0)
    zeros = unpack_quantized_values_into_int32(stored[f"{place}.qzeros"], scalar_types.uint4b8, 1)
    groups = stored[f"{place}.g_idx"].long()
    scales = stored[f"{place}.scales"].float()
    restored = (values - zeros[groups] - 1) * scales[groups]
    assert torch.equal(restored.T, layer.weight)
    assert len(values.unique()) > models.GPTQ_LEVELS / 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_vllm_proves_itself_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings().model_copy(update={"work": tmp_path, "cpu_kv_cache_gib": 1})
    monkeypatch.setattr(proof, "KINDS", {"cpu": ("mixture",)})
    steps: list[str] = []
    (found,) = proof.prove_all(settings, device="cpu", on_progress=steps.append)
    assert found.holds
    assert max(found.differences) < 1e-4
    monkeypatch.setattr(proof, "TIMEOUT_SECONDS", 0.01)
    assert proof.prove_all(settings, device="cpu", on_progress=steps.append) == (found,)
    assert steps == ["Scoring a mixture model"]
    assert proof.find_disproof(settings) == ""

    monkeypatch.setattr(proof, "nvidia_driver", lambda: Driver("590.00", 14))
    with pytest.raises(EngineError, match="did not end within"):
        proof.prove_all(settings, device="cpu", on_progress=steps.append)
    assert "did not end within" in proof.find_disproof(settings)
    monkeypatch.undo()
    assert proof.find_disproof(settings) == ""


@pytest.mark.slow
def test_an_engine_that_ends_is_an_error_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings().model_copy(update={"work": tmp_path, "backend": "hf"})
    monkeypatch.setattr(proof, "KINDS", {"cpu": ("gptq",)})  # needs a package that is missing
    with pytest.raises(EngineError, match="exit code 1") as caught:
        proof.prove_all(settings, device="cpu", on_progress=lambda step: None)
    assert "GPTQ" in caught.value.log_tail
    assert "GPTQ" in proof.find_disproof(settings)
