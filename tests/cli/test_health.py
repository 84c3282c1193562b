import pytest

from evalboard.cli import main
from evalboard.settings import load_settings
from evalboard.stores.work import WorkFolder


def test_health_fails_until_somebody_polls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVALBOARD_HOME", str(tmp_path))
    assert main(["health"]) == 1
    assert "Nobody has polled" in capsys.readouterr().out
    WorkFolder(load_settings().work_folder).note_poll()
    assert main(["health"]) == 0
    assert "Requests: none." in capsys.readouterr().out
