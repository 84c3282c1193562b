"""`evalboard upgrade-check`, with real runs of a tiny model; the old version stands in stored documents."""

import json
from pathlib import Path

import pytest

from evalboard.cli import main
from evalboard.demo.models import make_random_model
from evalboard.demo.questions import write_datasets
from evalboard.records.result import ResultDocument
from evalboard.settings import load_settings
from evalboard.stores.addresses import open_archive, open_verdicts

MODELS = ("test/one", "test/two")


def measure(model: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evaluate a model, and store the result as a document of an old version."""
    arguments = ["--precision", "float32", "--backend", "hf", "--json", "--output", str(folder)]
    assert main(["evaluate", model, *arguments]) == 0
    document = ResultDocument.from_json(capsys.readouterr().out.encode(), path="stdout")
    old = document.config.model_copy(update={"lm_eval_version": "0.4.0"})
    answers = {path.stem: path.read_bytes() for path in folder.glob("*.parquet")}
    open_archive(load_settings()).add(document.model_copy(update={"config": old}), answers)


@pytest.mark.slow
def test_old_rows_stand_apart_until_new_answers_are_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_datasets(tmp_path / "datasets")
    monkeypatch.setenv("EVALBOARD_DATASETS", str(tmp_path / "datasets"))
    for number, model in enumerate(MODELS):
        make_random_model(tmp_path / "models" / model, seed=number)
        measure(model, tmp_path / str(number), capsys)

    assert main(["upgrade-check", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert all(f"{model}@" in told for model in MODELS)

    assert main(["upgrade-check", "--limit", "20", "--json"]) == 1
    verdicts = json.loads(capsys.readouterr().out)
    assert [(one["questions"], one["different"]) for one in verdicts] == [(40, 0)] * 3
    assert not any(one["compares"] for one in verdicts)

    assert main(["upgrade-check", "--margin", "2", "--json"]) == 0
    (first, *_) = verdicts = json.loads(capsys.readouterr().out)
    assert [(one["questions"], one["different"]) for one in verdicts] == [(240, 0)] * 3
    assert first["old"]["lm_eval"] == "0.4.0"
    assert first["largest_difference"] < 1e-4
    assert len(open_verdicts(load_settings()).read()) == 3

    assert main(["upgrade-check"]) == 0
    assert "No row has scores of other versions" in capsys.readouterr().out
