import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evalboard.errors import ConfigError
from evalboard.importing.folders import Form, Imported, read_folder
from evalboard.records.reported import ReportedScore
from evalboard.suites.model import Benchmark, Suite

SUITE = Suite(
    name="small",
    title="Small",
    benchmarks=(
        Benchmark(key="medqa_4options", title="MedQA"),
        Benchmark(key="mmlu_anatomy", title="MMLU Anatomy"),
    ),
)
CONTENTS = {
    "Model": '<a href="https://huggingface.co/org/model">org/model</a>',
    "fullname": "org/model",
    "Model sha": "abc",
    "Precision": "bfloat16",
    "Average ⬆️": 45.0,
    "MedQA Raw": 0.5,
    "MedQA": 33.3,
    "MMLU Anatomy Raw": 0.4,
    "MMLU Anatomy": 20.0,
}
TIME = "2026-12-01T10-00-00.000001"


def read(folder: Path, form: Form = "leaderboard") -> list[Imported]:
    return read_folder(folder, form, SUITE)


def write_results(folder: Path, accuracy: float, samples: list[float]) -> None:
    """Write what lm_eval writes of one task."""
    folder.mkdir()
    entries = {"mmlu_anatomy": {"alias": "x", "acc,none": accuracy, "acc_stderr,none": 0.1}}
    document = {"model_name": "org/model", "results": entries}
    (folder / f"results_{TIME}.json").write_text(json.dumps(document), encoding="utf-8")
    answers = ({"doc_id": i, "filter": "none", "acc": acc} for i, acc in enumerate(samples))
    text = "\n".join(map(json.dumps, answers))
    (folder / f"samples_mmlu_anatomy_{TIME}.jsonl").write_text(text, encoding="utf-8")


def test_scores_of_lm_eval_are_checked_against_its_answers(tmp_path: Path) -> None:
    write_results(tmp_path / "right", 0.5, [1.0, 0.0])
    write_results(tmp_path / "wrong", 0.75, [1.0, 0.0])
    right, wrong = read(tmp_path, "lm-eval")
    assert right.path == f"right/results_{TIME}.json"
    assert any("its 2 answers is 0.5, as reported" in note for note in right.notes)
    assert any("is 0.5, but 0.75 is reported" in note for note in wrong.notes)
    assert json.loads(right.text)["results"]["mmlu_anatomy"]["alias"] == "x"


def _as_json(path: Path, row: dict[str, Any]) -> None:
    path.with_suffix(".json").write_text(json.dumps([row]), encoding="utf-8")


def _as_lines(path: Path, row: dict[str, Any]) -> None:
    path.with_suffix(".jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")


def _as_csv(path: Path, row: dict[str, Any]) -> None:
    pd.DataFrame([row]).to_csv(path.with_suffix(".csv"), index=False)


def _as_parquet(path: Path, row: dict[str, Any]) -> None:
    pd.DataFrame([row]).to_parquet(path.with_suffix(".parquet"))


@pytest.mark.parametrize("write", [_as_json, _as_lines, _as_csv, _as_parquet])
def test_contents_of_the_second_template_are_read(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "contents", CONTENTS)
    (one,) = read(tmp_path)
    assert one.row
    assert (one.row.model, one.row.revision, one.row.precision) == ("org/model", "abc", "bfloat16")
    assert one.row.scores == {
        "medqa_4options": ReportedScore(value=0.5),
        "mmlu_anatomy": ReportedScore(value=0.4),
    }
    assert "Average" in one.text


def test_a_row_without_a_score_and_a_damaged_file_are_reported(tmp_path: Path) -> None:
    _as_json(tmp_path / "contents", CONTENTS | {"MedQA Raw": "NaN", "MMLU Anatomy Raw": None})
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    contents, damaged, other = read(tmp_path)
    assert contents.row is damaged.row is other.row is None
    assert "'NaN', which is no number" in contents.notes[0]
    assert "damaged.parquet" in damaged.notes[0]
    assert "no column fullname or model" in other.notes[0]


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no results of lm-eval"):
        read(tmp_path, "lm-eval")
    with pytest.raises(ConfigError, match="does not exist"):
        read(tmp_path / "none")
