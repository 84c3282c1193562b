from collections.abc import Callable
from pathlib import Path

import pytest

from evalboard.errors import EngineError
from evalboard.records.report import Report
from evalboard.settings import Settings
from evalboard.validation import autoclasses
from evalboard.validation.checks import gather
from evalboard.validation.evidence import Evidence
from evalboard.validation.subject import Subject

from .conftest import codes, edit_json


@pytest.fixture
def evidence(model: Path, settings: Settings, tmp_path: Path) -> Evidence:
    return gather(Subject(model="org/model"), settings, tmp_path)


def test_a_good_model_passes_and_its_facts_are_known(
    model: Path, check: Callable[..., Report]
) -> None:
    report = check(use_chat_template=True)
    assert report.findings == ()
    assert len(report.revision) == 40
    assert report.facts == {
        "params_billion": 1.0864e-05,
        "stored_dtype": "bfloat16",
        "dtypes": {"bfloat16": 10864},
        "architectures": ["LlamaForCausalLM"],
        "vocab_size": 258,
        "max_length": 128,
        "license": "apache-2.0",
        "precision": "bfloat16",
        "has_chat_template": True,
    }


def test_all_findings_come_at_once(model: Path, check: Callable[..., Report]) -> None:
    (model / "model.safetensors").unlink()
    (model / "README.md").unlink()
    (model / "tokenizer.json").unlink()
    (model / "chat_template.jinja").unlink()
    edit_json(model / "config.json", model_type="own")
    assert codes(check(precision="GPTQ", use_chat_template=True)) == {
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


def test_a_tokenizer_that_does_not_load(model: Path, check: Callable[..., Report]) -> None:
    (model / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")
    assert codes(check()) == {"tokenizer_fails"}


def test_a_tokenizer_larger_than_the_embedding(model: Path, check: Callable[..., Report]) -> None:
    edit_json(model / "config.json", vocab_size=257)
    report = check()
    assert codes(report) == {"tokenizer_too_large"}
    assert "up to number 257" in report.summary()


def test_no_answer_in_time_is_a_problem_of_the_repository(evidence: Evidence) -> None:
    loaded = autoclasses.load("config", evidence, timeout_seconds=0.01)
    assert loaded.problem == "not done after 0.01 seconds"


def test_a_process_that_cannot_start_is_no_problem_of_the_repository(
    evidence: Evidence,
) -> None:
    with pytest.raises(EngineError) as caught:
        autoclasses.load("no such part", evidence)
    assert "Traceback" in caught.value.log_tail


def test_the_process_sees_no_token_and_no_hub(
    evidence: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    environment = autoclasses.child_environment(evidence.scratch)
    assert "hf_secret" not in environment.values()
    assert environment["HF_HUB_OFFLINE"] == "1"


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
