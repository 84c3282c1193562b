"""`evalboard mirror pull` from the demo's folders into others, which an evaluation reads."""

import filecmp
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evalboard.cli import main
from evalboard.demo.models import make_letter_model
from evalboard.demo.questions import write_datasets
from evalboard.engine.benchmarks.library import TaskLibrary
from evalboard.settings import Settings
from evalboard.suites.loader import load_suite

SUITE = """
name: own
title: Own
tasks: .
benchmarks: [{key: own, title: Own, source: {files: {test: there/test.parquet}}}]
"""
TASK = """
task: own
dataset_path: lab/own
output_type: multiple_choice
test_split: test
doc_to_text: "{{question}}"
doc_to_choice: [A, B]
doc_to_target: answer
metric_list: [{metric: acc}]
"""


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with questions and a model, which the settings name."""
    folder = tmp_path / "there"
    write_datasets(folder)
    monkeypatch.setenv("EVALBOARD_DATASETS", str(folder))
    make_letter_model(tmp_path / "models" / "lab" / "tiny")
    return folder


def test_an_evaluation_finds_the_same_questions_and_model_in_the_copy(
    there: Path, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["mirror", "pull", "--model", "lab/tiny", "--to", "copy"]) == 0
    said = capsys.readouterr().out
    assert f"EVALBOARD_DATASETS={tmp_path / 'copy' / 'datasets'}" in said
    assert f"EVALBOARD_MODELS={tmp_path / 'copy' / 'models'}" in said
    prints = [_fingerprints(mirror) for mirror in (there, tmp_path / "copy" / "datasets")]
    assert prints[0] == prints[1]
    models = [tmp_path / "models" / "lab" / "tiny", tmp_path / "copy" / "models" / "lab" / "tiny"]
    names = [{path.name for path in folder.iterdir()} for folder in models]
    assert "model.safetensors" in names[1]
    assert set(filecmp.cmpfiles(models[0], models[1], names[1], shallow=False)[0]) == names[1]
    assert not [path for path in models[1].iterdir() if path.is_symlink()]


def test_what_is_there_is_not_read_again(
    there: Path, settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["mirror", "pull", "--model", "lab/tiny", "--to", "copy"]
    assert main(words) == 0
    shutil.rmtree(there)
    shutil.rmtree(tmp_path / "models")
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().out.count("already there") == len(load_suite("demo").benchmarks)
    (lost, *_) = (tmp_path / "copy" / "datasets").rglob("*.parquet")
    lost.unlink()
    assert main(words) == 1
    assert "questions are missing" in capsys.readouterr().err


def test_questions_of_a_file_get_a_place_in_the_mirror(
    there: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, *_) = there.rglob("test.parquet")
    rows = pq.read_table(first).slice(0, 3)
    pq.write_table(
        rows.select(["question"]).append_column("answer", [[0, 1, 0]]), "there/test.parquet"
    )
    Path("own.yaml").write_text(SUITE, encoding="utf-8")
    Path("task.yaml").write_text(TASK, encoding="utf-8")
    monkeypatch.setenv("EVALBOARD_OFFLINE", "false")
    assert main(["mirror", "pull", "--suite", "own.yaml", "--to", "copy"]) == 0
    copied = pq.read_table("copy/datasets/lab/own/default/test.parquet").to_pylist()
    assert [row["answer"] for row in copied] == [0, 1, 0]


def _fingerprints(mirror: Path) -> str:
    suite = load_suite("demo")
    library = TaskLibrary(suite.benchmarks, definitions=suite.tasks, mirror=mirror, offline=True)
    return json.dumps([library.load(b).dataset_fingerprint for b in suite.benchmarks])
