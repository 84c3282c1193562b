from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from evalboard.backends import BACKENDS, VLLM, vllm_architectures, vllm_cpu_head_sizes
from evalboard.engine.hardware import LocalGpus
from evalboard.engine.placing import capacity
from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import autoclasses, fit, tokenizer
from evalboard.validation.checks import CHECKS, Check, validate
from evalboard.validation.subject import Subject

from .conftest import codes, edit_json


@pytest.fixture
def checks() -> tuple[Check, ...]:
    return (autoclasses.check,)


def test_a_good_model_passes_and_its_facts_are_known(
    model: Path, check: Callable[..., Report]
) -> None:
    report = check(CHECKS, use_chat_template=True)
    assert report.findings == ()
    assert len(report.revision) == 40
    assert (
        report.facts.items()
        >= {
            "params_billion": 2.3776e-05,
            "stored_dtype": "bfloat16",
            "dtypes": {"bfloat16": 23776},
            "architectures": ["LlamaForCausalLM"],
            "vocab_size": 258,
            "max_length": 128,
            "license": "apache-2.0",
            "precision": "bfloat16",
            "has_chat_template": True,
        }.items()
    )


def test_all_findings_come_at_once(model: Path, check: Callable[..., Report]) -> None:
    (model / "model.safetensors").unlink()
    (model / "README.md").unlink()
    (model / "tokenizer.json").unlink()
    (model / "chat_template.jinja").unlink()
    edit_json(model / "config.json", model_type="own")
    assert codes(check(CHECKS, precision="GPTQ", use_chat_template=True)) == {
        "no_safetensors",
        "no_license",
        "no_card",
        "no_tokenizer",
        "no_chat_template",
        "unknown_model_type",
        "precision_unsupported",
    }


def test_code_of_its_own_is_named_and_not_run(model: Path, check: Callable[..., Report]) -> None:
    marker = model / "was-run"
    (model / "own.py").write_text(f"open({str(marker)!r}, 'w')", encoding="utf-8")
    edit_json(model / "config.json", model_type="own", auto_map={"AutoConfig": "own.OwnConfig"})
    report = check()
    assert codes(report) == {"custom_code"}
    assert "own.OwnConfig" in report.summary()
    assert not marker.exists()


def test_code_beside_a_known_architecture_is_a_warning(
    model: Path, check: Callable[..., Report]
) -> None:
    auto_map = {"AutoModelForCausalLM": "own.OwnModel"}
    edit_json(model / "config.json", auto_map=auto_map)
    report = check()
    assert report.ok
    assert codes(report) == {"custom_code_ignored"}


def test_a_config_that_does_not_load(model: Path, check: Callable[..., Report]) -> None:
    edit_json(model / "config.json", hidden_size="wide")
    report = check()
    assert codes(report) == {"config_fails"}
    assert "hidden_size" in report.summary()
    assert str(model) not in report.summary()


@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        ({"head_dim": 100}, "100"),
        ({"head_dim": 8}, "8"),
        ({"model_type": "gpt2", "hidden_size": 48}, "48"),
        (
            {"model_type": "gpt_neox", "hidden_size": 40, "architectures": ["GPTNeoXForCausalLM"]},
            "40",
        ),
        ({"head_dim": 128}, ""),
        ({"model_type": "mamba", "hidden_size": 50, "architectures": ["MambaForCausalLM"]}, ""),
        ({"model_type": "gpt2", "hidden_size": 96, "num_attention_heads": 3}, ""),
    ],
)
def test_head_sizes_that_the_kernels_lack(
    config: dict[str, Any], sizes: str, model: Path, check: Callable[..., Report]
) -> None:
    if config.get("model_type") == "gpt2":
        config = {**config, "architectures": ["GPT2LMHeadModel"]}
    edit_json(model / "config.json", **config)
    report = check()
    assert codes(report) == ({"head_size_unsupported"} if sizes else set())
    if sizes:
        assert f"attention heads have {sizes} dimensions" in report.summary()
        assert "or for the backend `hf`" in report.summary()


@pytest.mark.parametrize(
    ("change", "kernels", "gpus"),
    [
        ({"backend": "hf"}, {64}, 0),
        ({"ray_address": "auto"}, {64}, 0),
        ({}, {64}, 1),
        ({}, set(), 0),
    ],
    ids=["another backend", "a cluster", "a GPU", "no kernels known"],
)
def test_nothing_is_said_of_other_machines(
    change: dict[str, Any],
    kernels: set[int],
    gpus: int,
    model: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(BACKENDS, "vllm", replace(VLLM, cpu_head_sizes=lambda: frozenset(kernels)))
    monkeypatch.setattr(capacity, "local_gpus", lambda: LocalGpus(gpus, 2**34))
    there = settings.model_copy(update=change)
    report = validate(Subject(model="org/model"), there, checks=(autoclasses.check,))
    assert report.ok


def test_the_kernels_of_the_installed_vllm_are_read_from_its_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = vllm_cpu_head_sizes()
    if not version("vllm").endswith("+cpu"):
        pytest.skip("this vLLM is for GPUs")
    assert {32, 64, 128, 256} <= sizes
    assert not {8, 100} & sizes
    monkeypatch.setattr("evalboard.backends.version", lambda name: "0.32.0")
    assert vllm_cpu_head_sizes.__wrapped__() == frozenset()


def test_a_tokenizer_that_does_not_load(model: Path, check: Callable[..., Report]) -> None:
    (model / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")
    assert codes(check((tokenizer.check,))) == {"tokenizer_fails"}


def test_a_tokenizer_larger_than_the_embedding(model: Path, check: Callable[..., Report]) -> None:
    edit_json(model / "config.json", vocab_size=257)
    report = check((tokenizer.check, fit.check))
    assert codes(report) == {"tokenizer_too_large", "wrong_shape"}
    assert "token ids up to 257" in report.summary()


@pytest.mark.usefixtures("without_transformers")
def test_without_transformers_the_rest_is_checked(
    model: Path, check: Callable[..., Report]
) -> None:
    (model / "config.json").unlink()
    report = check()
    assert codes(report) == {"no_config"}
    assert "checked_by_poll" in {finding.code for finding in report.findings}


@pytest.mark.usefixtures("without_transformers")
@pytest.mark.parametrize("content", ["", "[1]", "{" * 100_000, '{"a": "\\ud800"', "\x00"])
def test_a_config_that_is_no_json_object(
    content: str, model: Path, check: Callable[..., Report]
) -> None:
    (model / "config.json").write_text(content, encoding="utf-8")
    assert codes(check()) == {"bad_config"}


def test_an_architecture_that_transformers_has_not(
    model: Path, check: Callable[..., Report]
) -> None:
    edit_json(model / "config.json", architectures=["OwnForCausalLM"])
    assert "unknown_architecture" in codes(check())


@pytest.mark.parametrize("name", ["LlamaForSequenceClassification", "LlamaModel"])
def test_what_continues_no_text(name: str, model: Path, check: Callable[..., Report]) -> None:
    edit_json(model / "config.json", architectures=[name])
    assert "not_causal_lm" in codes(check())


@pytest.mark.parametrize(
    ("backend", "known", "expected"),
    [
        ("vllm", {"OtherForCausalLM"}, "vllm_falls_back"),
        ("vllm", {"LlamaForCausalLM"}, None),
        ("vllm", set(), None),
        ("hf", {"OtherForCausalLM"}, None),
    ],
)
def test_what_vllm_knows(
    backend: str,
    known: set[str],
    expected: str | None,
    model: Path,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The installed vLLM knows every architecture that is tiny enough to be made here.
    other = replace(VLLM, architectures=lambda: frozenset(known))
    monkeypatch.setitem(BACKENDS, "vllm", other)
    there = settings.model_copy(update={"backend": backend})
    report = validate(Subject(model="org/model"), there, checks=(autoclasses.check,))
    found = {finding.code for finding in report.findings}
    assert found == ({expected} if expected else set())


def test_the_installed_vllm_knows_llama_and_not_what_it_dropped() -> None:
    known = vllm_architectures()
    assert {"LlamaForCausalLM", "MixtralForCausalLM"} <= known
    assert "MptForCausalLM" not in known
