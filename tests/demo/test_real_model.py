"""The real model of the demo: it passes the checks, says something true, and is evaluated."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from evalboard.cli import main
from evalboard.demo.real_model import NAME, is_installed, make_real_model
from evalboard.process_environment import environment_of
from evalboard.records.precision import Precision
from evalboard.settings import Settings
from evalboard.validation.checks import validate
from evalboard.validation.subject import Subject

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed(), reason="`make real-model` installs the model"),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    make_real_model(folder / NAME)
    return folder


@pytest.fixture
def settings(
    models: Path, real_datasets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    known = {"models": models, "datasets": real_datasets, "home": tmp_path / "home"}
    settings = Settings.model_validate({**known, "offline": True, "backend": "hf"})
    for name, value in environment_of(settings).items():
        monkeypatch.setenv(name, value)
    return settings


def test_it_passes_every_check_with_its_sizes(settings: Settings) -> None:
    report = validate(Subject(model=NAME, precision=Precision.BFLOAT16), settings)
    assert report.ok, report.summary()
    assert report.facts["params_billion"] == pytest.approx(0.1345, abs=0.0001)


def test_it_knows_the_capital_of_france(models: Path) -> None:
    model: Any = AutoModelForCausalLM.from_pretrained(models / NAME, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(models / NAME)
    asked = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(
        asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    answer = model.generate(**prompt, max_new_tokens=20, do_sample=False)
    assert tokenizer.decode(answer[0]).endswith("The capital of France is Paris.<|im_end|>")


def test_real_questions_give_a_document(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["--benchmarks", "medqa_4options,mmlu_anatomy", "--limit", "6"]
    assert main(["evaluate", NAME, "--precision", "bfloat16", *asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["results"]) == {"medqa_4options", "mmlu_anatomy"}
    for task, metrics in document["results"].items():
        assert metrics["acc,none"] * 6 == pytest.approx(round(metrics["acc,none"] * 6)), task
