"""`evalboard import`: from a folder to the board, which ranks nothing of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from evalboard.board import exports
from evalboard.cli import main
from evalboard.publishing import publish_board
from evalboard.settings import Settings, load_settings
from evalboard.stores.addresses import open_archive, open_board, open_reported
from evalboard.stores.board import PublishedBoard, read_board

SCORES = {"demo_anatomy": 0.5, "demo_pharmacology": 0.25, "demo_abstracts": 0.75}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    folder = tmp_path / "theirs" / "org" / "model"
    folder.mkdir(parents=True)
    document = {
        "config": {"model_name": "org/model", "model_dtype": "torch.float16"},
        "results": {task: {"acc,none": score} for task, score in SCORES.items()},
        "odd": [1],
    }
    (folder / "results_1.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "results_2.json").write_text("{", encoding="utf-8")
    return tmp_path / "theirs"


def board(settings: Settings) -> PublishedBoard:
    return read_board(open_board(settings))


def test_imported_scores_stand_apart_on_the_board(
    results: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import", str(results), "--from", "leaderboard", "--source", "A board"]
    assert main([*command, "--dry-run"]) == 0
    assert open_reported(settings).read("demo") == []
    assert main(command) == 0
    report = capsys.readouterr().out
    assert "org/model/results_2.json: not read" in report
    assert "1 of 2 results were read; 1 new." in report

    published = board(settings)
    assert published.table.num_rows == 0
    (row,) = published.meta.reported
    assert (row.model, row.source, row.average) == ("org/model", "A board", 0.5)
    assert {key: score.value for key, score in row.scores.items()} == SCORES
    assert open_archive(settings).read().stored == []
    (kept,) = (tmp for tmp in Path(settings.store_address("results")).rglob("*.json"))
    original = json.loads(json.loads(kept.read_text(encoding="utf-8"))["original"])
    assert original["odd"] == [1]

    assert main(command) == 0
    assert "0 new." in capsys.readouterr().out
    assert main(["board", "show"]) == 0
    assert "Reported by others" in capsys.readouterr().out


def test_an_export_of_a_board_is_imported_with_the_same_scores(
    tmp_path: Path, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_board(settings, now=datetime.now(UTC))
    empty = board(settings)
    row = {"model": "org/model", "sha": "a" * 40, "precision": "float32", **SCORES}
    frame = pd.DataFrame([row | {f"{key}__stderr": 0.03 for key in SCORES}])
    table = exports.pa.Table.from_pandas(frame)
    folder = tmp_path / "exported"
    folder.mkdir()
    for ending in (".csv", ".parquet"):
        (folder / f"board{ending}").write_bytes(exports.export(table, empty.meta, ending))
    assert main(["import", str(folder), "--from", "leaderboard"]) == 0
    read = open_reported(load_settings()).read("demo")
    assert len(read) == 2
    for one in read:
        assert {key: score.value for key, score in one.scores.items()} == SCORES
        assert {score.stderr for score in one.scores.values()} == {0.03}
        assert (one.revision, one.precision) == ("a" * 40, "float32")
