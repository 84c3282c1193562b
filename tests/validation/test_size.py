from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evalboard.engine.hardware import LocalGpus, local_gpus
from evalboard.engine.placing import capacity
from evalboard.records.precision import Precision
from evalboard.records.report import Finding, Report
from evalboard.repositories import folder
from evalboard.settings import Settings
from evalboard.validation import size
from evalboard.validation.checks import Check, validate
from evalboard.validation.subject import Subject

from .conftest import codes, edit_json
from .stored import write_tensors

GIB = 2**30
LLAMA_70B = {
    "hidden_size": 8192,
    "head_dim": 128,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "num_hidden_layers": 80,
    "max_position_embeddings": 8192,
}


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (size.check,)


@pytest.fixture
def check_large(
    model: Path,
    settings: Settings,
    checks: tuple[Check, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Report]:
    """Validate the size of a Llama of 70 billion values on a machine with some GPUs and 64 GiB.

    GPUs and memory are made up, since tests run where there are none, and so are the hash over the
    zeros and their place on the disk.
    """
    monkeypatch.setattr(folder, "file_hash", lambda file: "")
    monkeypatch.setattr(folder, "_hole_bytes", lambda file: 0)
    write_tensors(model / "model.safetensors", {"a": ("BF16", [35_000, 2_000_000])})
    edit_json(model / "config.json", **LLAMA_70B)

    def run(gpus: int, gib: int, asked: str | None = None, **changes: Any) -> Report:
        monkeypatch.setattr(capacity, "local_gpus", lambda: LocalGpus(gpus, gib * GIB))
        monkeypatch.setattr(capacity, "memory_bytes", lambda: 64 * GIB)
        subject = Subject(model="org/model", precision=Precision(asked) if asked else None)
        return validate(subject, settings.model_copy(update=changes), checks=checks)

    return run


def only(report: Report) -> Finding:
    [finding] = report.findings
    return finding


@pytest.mark.parametrize(
    ("gpus", "gib", "changes", "expected"),
    [
        (8, 80, {}, 2),
        (8, 40, {}, 4),
        (2, 141, {}, 2),
        (1, 192, {}, 1),
        (8, 80, {"tensor_parallel": 4}, 4),
        (8, 1, {"gpu_memory_gib": 80.0}, 2),
    ],
)
def test_the_number_of_gpus_is_suggested(
    gpus: int,
    gib: int,
    changes: dict[str, Any],
    expected: int,
    check_large: Callable[..., Report],
) -> None:
    report = check_large(gpus, gib, **changes)
    assert report.ok
    assert only(report).code == "fits"
    assert report.facts["tensor_parallel"] == expected
    assert report.facts["weights_gib"] == pytest.approx(70e9 * 2 / GIB, rel=1e-3)
    assert report.facts["kv_cache_gib"] == 5.0


@pytest.mark.parametrize(
    ("gpus", "gib", "asked", "changes"),
    [
        (1, 80, None, {}),
        (4, 24, None, {}),
        (8, 80, "float32", {"tensor_parallel": 2}),
        (8, 40, "8bit", {}),  # transformers takes one GPU
        (8, 80, None, {"backend": "hf"}),
    ],
)
def test_too_large_is_an_error_with_numbers(
    gpus: int,
    gib: int,
    asked: str | None,
    changes: dict[str, Any],
    check_large: Callable[..., Report],
) -> None:
    report = check_large(gpus, gib, asked, **changes)
    assert codes(report) == {"too_large"}
    assert "GiB" in report.summary()
    assert report.facts["tensor_parallel"] is None


def test_4bit_fits_on_one(check_large: Callable[..., Report]) -> None:
    assert check_large(1, 80, "4bit").facts["tensor_parallel"] == 1


def test_without_gpus_the_machine_s_memory_is_compared(check_large: Callable[..., Report]) -> None:
    report = check_large(0, 0)
    assert report.ok
    assert codes(report) == {"larger_than_memory"}


def test_a_small_model_without_gpus_is_no_matter(check: Callable[..., Report]) -> None:
    report = check()
    assert report.ok
    assert report.facts["tensor_parallel"] == 1 or local_gpus().number


@pytest.mark.parametrize(
    "config",
    [
        {"num_attention_heads": 0},
        {"num_attention_heads": -3},
        {"num_attention_heads": 10**400},
        {"num_attention_heads": "many"},
        {"num_key_value_heads": True},
        {"hidden_size": 2**62},
        {"text_config": [1]},
        {"text_config": {"hidden_size": None}},
        {"quantization_config": {"quant_method": "x"}},
    ],
)
def test_strange_numbers_in_a_config_are_passed_over(
    config: dict[str, Any], model: Path, check_large: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", **config)
    assert check_large(8, 80).facts["weights_gib"] > 100


def test_an_adapter_is_as_large_as_its_base(
    adapter: Path, base: Path, settings: Settings, checks: tuple[Check, ...]
) -> None:
    subject = Subject.model_validate(
        {"model": "org/model", "weight_type": "Adapter", "base_model": "org/base"}
    )
    with_adapter = validate(subject, settings, checks=checks).facts
    assert with_adapter == validate(Subject(model="org/base"), settings, checks=checks).facts
