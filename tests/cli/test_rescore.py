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
from tests.result_documents import result_document

KEY = "mmlu_anatomy"


def document() -> ResultDocument:
    keys = {KEY: "key", "pubmedqa": "other"}
    return result_document({}, config={"model_name": "lab/tiny"}, benchmark_keys=keys)


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
