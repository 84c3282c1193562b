import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import close_session, constants

from evalboard.settings import Settings
from leaderboard_app.completion import Completion
from tests.hub.searching import MODELS, SearchingHub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[SearchingHub]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    server = SearchingHub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(hub: SearchingHub, tmp_path: Path) -> Settings:
    return Settings.model_validate(
        {
            "home": tmp_path,
            "hub_endpoint": f"http://127.0.0.1:{hub.server_port}",
            "hf_token": "hf_of_the_board",
            "models": tmp_path / "models",
        }
    )


def test_what_was_asked_is_not_asked_again(
    hub: SearchingHub, settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "models" / "mine" / "llama").mkdir(parents=True)
    completion = Completion(settings)
    assert completion.names(" Llama ") == ["mine/llama", *MODELS[:3]]
    assert completion.names("llama") == ["mine/llama", *MODELS[:3]]
    assert completion.names("no-such-model") == []
    assert completion.names("no-such-model") == []
    assert len(hub.asked) == 2
    hub.fails = True
    assert completion.names("mistral") == []
    asked = len(hub.asked)
    assert completion.names("gemma") == []
    assert len(hub.asked) == asked


def test_a_board_that_stays_off_the_hub_asks_nothing(hub: SearchingHub, settings: Settings) -> None:
    offline = settings.model_copy(update={"offline": True})
    assert Completion(offline).names("llama") == []
    assert hub.asked == []
