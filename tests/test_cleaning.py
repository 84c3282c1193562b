"""`evalboard clean` on a work folder of a year."""

import os
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from evalboard.cli import main
from evalboard.settings import Settings

OLD = 40 * 86400
"""Age in seconds."""


def make(path: Path, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * 1000)
    then = time.time() - age
    for each in (path, path.parent):
        os.utime(each, (then, then))
    return path


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return Settings.model_validate({"home": tmp_path})


def test_what_has_not_changed_for_a_time_goes_and_the_rest_stays(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    work = settings.work_folder
    cache = Path(constants.HF_HUB_CACHE)
    gone = [
        make(work / "logs" / "old.log", OLD),
        make(work / "documents" / "old" / "results.json", OLD),
        make(work / "progress" / "old" / "medqa.json", OLD),
        make(work / "outcomes" / "medqa.json.torn-0123", OLD),
        make(cache / "models--org--big" / "blobs" / "0a1b.2c3d.incomplete", OLD),
    ]
    kept = [
        make(cache / "models--org--big" / "blobs" / "0a1b", OLD),
        make(cache / "models--org--new" / "blobs" / "0a1b.2c3d.incomplete", 0),
        make(work / "logs" / "new.log", 0),
        make(work / "documents" / "new" / "old.parquet", OLD),
        make(work / "outcomes" / "medqa-1.json", OLD),
        make(work / "answers" / "medqa-1.jsonl", OLD),
        make(settings.home / "requests" / "org" / "model.json", OLD),
        make(settings.signing_folder / "key", OLD),
    ]
    make(work / "documents" / "new" / "results.json", 0)

    assert main(["clean", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert all(path.exists() for path in (*gone, *kept))
    assert str(gone[0]) in said
    assert "Would remove: 5 old paths, 0 models." in said

    assert main(["clean"]) == 0
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in kept)
    assert main(["clean", "--older-than", "90"]) == 0
    assert "Removed: 0 old paths" in capsys.readouterr().out
