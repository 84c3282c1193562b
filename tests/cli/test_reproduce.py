"""`evalboard reproduce`, with a plain lm_eval of its own process."""

import json
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.demo.models import make_random_model
from evalboard.demo.questions import write_datasets
from evalboard.records.result import ResultDocument
from evalboard.settings import load_settings
from evalboard.stores.addresses import open_archive

MODEL = "test/random"


def measure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluate a model on the demo's questions, and store the result as the queue does."""
    arguments = ["--precision", "float32", "--backend", "hf", "--json", "--output", str(folder)]
    assert main(["evaluate", MODEL, *arguments]) == 0
    content = capsys.readouterr().out.encode()
    document = ResultDocument.from_json(content, path="stdout")
    answers = {path.stem: path.read_bytes() for path in folder.glob("*.parquet")}
    open_archive(load_settings()).add(document, answers)


@pytest.mark.slow
def test_plain_lm_eval_gives_the_stored_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_datasets(tmp_path / "datasets")
    make_random_model(tmp_path / "models" / MODEL)
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path / "datasets"))
    measure(tmp_path / "measured", capsys)

    assert main(["reproduce", MODEL]) == 0
    command = capsys.readouterr().out
    assert command.startswith("lm_eval run --model hf --model_args pretrained=")
    assert "plain_demo_anatomy" in command

    assert main(["reproduce", MODEL, "float32", "--run", "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert [(one["questions"], one["different"]) for one in compared] == [(120, [])] * 3
    assert all(one["largest_difference"] < 1e-4 for one in compared)
    assert main(["reproduce", MODEL, "--run"]) == 2
    assert "earlier run" in capsys.readouterr().err
