"""`evalboard rescore` on a results store."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from evalboard.cli import main
from evalboard.records.parquet import parquet_file
from evalboard.records.result import ResultDocument
from evalboard.stores.local import LocalStore
from evalboard.stores.protocol import Write
from evalboard.stores.results import ResultsArchive

KEY = "mmlu_anatomy"


def document() -> ResultDocument:
    return ResultDocument.model_validate(
        {
            "config": {
                "model_name": "lab/tiny",
                "model_sha": "a" * 40,
                "model_dtype": "float16",
                "backend": "hf",
                "backend_version": "5",
                "lm_eval_version": "0.4.13",
            },
            "results": {},
            "versions": {},
            "n-shot": {},
            "n-samples": {},
            "task_hashes": {},
            "configs": {},
            "evalboard": {
                "suite": "open-medical",
                "run_key": "run",
                "benchmark_keys": {KEY: "key", "pubmedqa": "other"},
                "dataset_fingerprints": {},
                "finished_time": "2026-11-21T10:00:00Z",
            },
        }
    )


def test_every_stored_score_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALBOARD_SUITE", "open-medical")
    assert main(["rescore"]) == 0
    assert "no stored answers" in capsys.readouterr().out
    answers = {
        "question_id": [0, 1],
        "doc_hash": ["a", "b"],
        "correct": [True, False],
        "target": ["x", "y"],
        "answer": ["x", "x"],
        "choices": [["x", "y"]] * 2,
        "loglikelihoods": [[-1.0, -2.0]] * 2,
    }
    store = LocalStore(tmp_path / "home" / "results")
    ResultsArchive(store).add(document(), {KEY: parquet_file(pa.table(answers)), "pubmedqa": b"no"})
    assert main(["rescore", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["model"], found["benchmark"], found["n"]) == ("lab/tiny", KEY, 2)
    assert (found["accuracy"], found["pointwise_score"], found["confidence_auroc"]) == (0.5, 0, 0.5)
    store.commit([Write("org/x.json", b"{")], message="a document that cannot be read")
    assert main(["rescore"]) == 0
    assert "lab/tiny" in capsys.readouterr().out
