import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.records.precision import Precision
from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import precision
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

from .conftest import codes, edit_json
from .stored import QUANTISED_PARTS, Shapes, write_tensors

GPTQ = {"quant_method": "gptq", "bits": 4}
FOUR_BITS = {"quant_method": "bitsandbytes", "load_in_4bit": True}
EIGHT_BITS = {"quant_method": "bitsandbytes", "load_in_8bit": True}


def stored_tensors(stored: str, quantised: Any) -> Shapes:
    """Return tensors of a type, or as a method stores them."""
    method = quantised.get("quant_method") if isinstance(quantised, dict) else None
    if method == "bitsandbytes":
        method = "bitsandbytes_4bit" if "load_in_4bit" in quantised else "bitsandbytes_8bit"
    parts = QUANTISED_PARTS.get(method, {}) if isinstance(method, str) else {}
    return {"a": (stored, [1]), **parts}


@pytest.fixture
def check_stored(model: Path, settings: Settings) -> Callable[..., Report]:
    """Check the precision of a model that is stored as a type and quantised somehow."""

    def run(
        asked: str | None, stored: str, quantised: object = None, backend: str = "vllm"
    ) -> Report:
        write_tensors(model / "model.safetensors", stored_tensors(stored, quantised))
        edit_json(model / "config.json", quantization_config=quantised)
        subject = Subject(model="org/model", precision=Precision(asked) if asked else None)
        there = settings.model_copy(update={"backend": backend})
        return validate(subject, there, checks=(precision.check,))

    return run


@pytest.mark.parametrize(
    ("stored", "quantised", "expected"),
    [
        ("BF16", None, "bfloat16"),
        ("F32", None, "float32"),
        ("F64", None, "float16"),
        ("I32", GPTQ, "prequantised"),
        ("U8", FOUR_BITS, "4bit"),
        ("I8", EIGHT_BITS, "8bit"),
        ("BF16", "nonsense", "bfloat16"),
    ],
)
def test_the_default_is_what_the_checkpoint_is_stored_in(
    stored: str, quantised: Any, expected: str, check_stored: Callable[..., Report]
) -> None:
    report = check_stored(None, stored, quantised)
    assert report.findings == ()
    assert report.facts["precision"] == expected


@pytest.mark.parametrize(
    ("asked", "stored", "quantised", "backend", "expected"),
    [
        ("bfloat16", "BF16", None, "vllm", set()),
        ("float32", "BF16", None, "vllm", set()),
        ("bfloat16", "F32", None, "vllm", set()),
        ("float16", "BF16", None, "vllm", {"bfloat16_as_float16"}),
        ("8bit", "BF16", None, "vllm", set()),
        ("8bit", "BF16", None, "hf", set()),
        ("4bit", "BF16", None, "hf", set()),
        ("GPTQ", "BF16", None, "vllm", {"precision_unsupported"}),
        ("GPTQ", "I32", GPTQ, "vllm", set()),
        ("bfloat16", "I32", GPTQ, "vllm", {"precision_unsupported"}),
        ("8bit", "U8", FOUR_BITS, "hf", {"precision_unsupported"}),
        ("float16", "I32", {"quant_method": "awq"}, "vllm", {"precision_unsupported"}),
        (None, "I32", {"quant_method": ["x"]}, "vllm", {"precision_unsupported"}),
        (None, "I32", {}, "vllm", set()),
    ],
)
def test_what_is_asked_for_must_fit_the_checkpoint_and_the_backend(
    asked: str | None,
    stored: str,
    quantised: Any,
    backend: str,
    expected: set[str],
    check_stored: Callable[..., Report],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(precision, "find_spec", lambda name: object())
    assert codes(check_stored(asked, stored, quantised, backend)) == expected


def test_a_library_that_is_not_here(
    check_stored: Callable[..., Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    report = check_stored("8bit", "BF16", backend="hf")
    assert codes(report) == {"precision_unsupported"}
    assert "This installation supports float16, bfloat16, float32" in report.errors[0].fix


@pytest.mark.usefixtures("without_transformers")
def test_the_viewer_leaves_libraries_to_the_poll(check_stored: Callable[..., Report]) -> None:
    report = check_stored("8bit", "BF16", backend="hf")
    assert [finding.code for finding in report.findings] == ["checked_by_poll"]
