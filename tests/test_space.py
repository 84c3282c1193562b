"""A Space that shows the board: a stand-in for the Hub and for the Space, over real sockets."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import close_session, constants

from evalboard.errors import StoreError
from evalboard.settings import Settings
from evalboard.space import show_on_space
from evalboard.stores.addresses import open_board
from evalboard.stores.protocol import Write

NEW, OLD = "new-hash", "old-hash"


class Hub(ThreadingHTTPServer):
    """Knows one Space, which is served at the same address.

    `shown` is the board that it serves, None while it sleeps; `after_restart` what it serves then;
    `hiccups` how many questions it still leaves without an answer; `further` its further board, which
    a restart brings up to date.
    """

    def __init__(self, shown: str | None, after_restart: str | None = NEW) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.shown = shown
        self.after_restart = after_restart
        self.restarts = 0
        self.hiccups = 0
        self.further: str | None = OLD

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    @property
    def hub(self) -> Hub:
        assert isinstance(self.server, Hub)
        return self.server

    def do_GET(self) -> None:
        if self.hub.hiccups:
            self.hub.hiccups -= 1
            self.close_connection = True
        elif self.path == "/data/board.json" and self.hub.shown:
            self._answer(200, {"meta": {"content_hash": self.hub.shown}})
        elif self.path == "/boards/demo/data/board.json":
            self._answer(200, {"meta": {"content_hash": self.hub.further}})
        elif self.path.startswith("/api/spaces/org/board"):
            self._answer(200, {"id": "org/board", "host": self.hub.address})
        else:
            self._answer(503, {"error": "asleep"})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/api/spaces/org/board/restart"):
            self.hub.restarts += 1
            self.hub.shown = self.hub.further = self.hub.after_restart
            self._answer(200, {"stage": "RUNNING", "hardware": {"current": "cpu-basic"}})
        else:
            self._answer(403, {"error": "no right to do that"})

    def _answer(self, status: int, document: dict[str, Any]) -> None:
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def hubs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Hub]]:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    started: list[Hub] = []
    yield started
    for hub in started:
        hub.shutdown()
        hub.server_close()
    close_session()


def start(hubs: list[Hub], hub: Hub) -> Hub:
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    hubs.append(hub)
    return hub


def settings_of(hub: Hub, home: Path, *, space: str = "org/board") -> Settings:
    settings = Settings.model_validate(
        {"home": home, "hub_endpoint": hub.address, "space": space, "hf_token": "token"}
    )
    content = json.dumps({"content_hash": NEW}).encode()
    store = open_board(settings)
    store.commit([Write("board.json", content)], message="board")
    return settings


def show(settings: Settings) -> bool:
    return show_on_space(settings, follow_seconds=0.2, restart_seconds=0.2, pause_seconds=0.05)


def test_a_space_that_follows_is_left_alone(hubs: list[Hub], tmp_path: Path) -> None:
    hub = start(hubs, Hub(shown=NEW))
    assert not show(settings_of(hub, tmp_path))
    assert hub.restarts == 0


def test_a_hub_that_does_not_answer_is_asked_again(hubs: list[Hub], tmp_path: Path) -> None:
    hub = start(hubs, Hub(shown=NEW))
    hub.hiccups = 1
    assert not show_on_space(settings_of(hub, tmp_path), pause_seconds=0.05)
    assert (hub.hiccups, hub.restarts) == (0, 0)


@pytest.mark.parametrize("shown", [OLD, None])
def test_a_space_that_is_behind_or_asleep_is_restarted(
    hubs: list[Hub], tmp_path: Path, shown: str | None
) -> None:
    hub = start(hubs, Hub(shown=shown))
    assert show(settings_of(hub, tmp_path))
    assert hub.restarts == 1


def test_a_space_that_is_behind_with_a_further_board_is_restarted(
    hubs: list[Hub], tmp_path: Path
) -> None:
    hub = start(hubs, Hub(shown=NEW))
    settings = settings_of(hub, tmp_path).model_copy(update={"suites": "demo"})
    content = json.dumps({"content_hash": NEW}).encode()
    open_board(settings).commit([Write("boards/demo/board.json", content)], message="board")
    assert show(settings)
    assert not show(settings)
    assert hub.restarts == 1


def test_a_space_that_stays_behind_is_named(hubs: list[Hub], tmp_path: Path) -> None:
    hub = start(hubs, Hub(shown=OLD, after_restart=OLD))
    with pytest.raises(StoreError, match="org/board"):
        show(settings_of(hub, tmp_path))


def test_a_space_that_may_not_be_restarted_is_named(hubs: list[Hub], tmp_path: Path) -> None:
    hub = start(hubs, Hub(shown=OLD))
    with pytest.raises(StoreError, match="EVALBOARD_SPACE"):
        show(settings_of(hub, tmp_path, space="org/other"))
