"""Publishing what the viewer shows; `tests/stores/test_board.py` has the store's side."""

import logging
from pathlib import Path

import pytest

from evalboard.errors import StoreError
from evalboard.publishing import announce_queue, publish_queue
from evalboard.records.table import QUEUE_FILE
from evalboard.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings().model_copy(update={"home": tmp_path / "home"})


def test_a_run_does_not_fail_because_the_queue_cannot_be_shown(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    broken = settings.model_copy(update={"board": str(tmp_path / "file" / "board")})
    with pytest.raises(StoreError):
        publish_queue(broken)
    with caplog.at_level(logging.WARNING):
        announce_queue(broken)
    assert "not shown as it is now" in caplog.text


def test_an_announced_queue_is_there(settings: Settings) -> None:
    announce_queue(settings)
    assert (Path(settings.store_address("board")) / QUEUE_FILE).is_file()
